"""A trained model in other number formats: how large it is, what it loses, how fast it is; and what each format holds.

Not here: training on quantised weights (`method.kind = "qlora"` of `reasonkit train`).
"""
