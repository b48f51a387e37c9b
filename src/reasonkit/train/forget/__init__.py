"""What a model forgets when it is fine-tuned: full against LoRA of several ranks against a mix of tasks.

Measured on the bundled model, or another of its recipe: whole greedy episodes over items that are the same before and
after, so that every difference is paired. Not here: training (`reasonkit train`), and what could be done about it.

Sources: McCloskey and Cohen 1989 (catastrophic interference); Biderman et al., "LoRA learns less and forgets less",
https://arxiv.org/abs/2405.09673
"""
