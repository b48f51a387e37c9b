"""Two facts told in one breath, as encyclopedias like to: born in a town on a day, founded in a year by someone.

For: forms with {a} and {b} for the values of two relations of a kind. Not for: facts that stand side by side in a
sentence (pages.py).
"""

from __future__ import annotations

BY = ("was {verb} by {a} {b}", "was {verb} {b} by {a}", "was first {verb} {b} by {a}")
IN = ("was {verb} in {a} {b}", "was {verb} {b} in {a}")


def verbed(forms: tuple[str, ...], verb: str) -> tuple[str, ...]:
    """Put a verb into forms."""
    return tuple(form.replace("{verb}", verb) for form in forms)


JOINTS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "person": (
        ("birthplace", "birth", (*verbed(IN, "born"), "was born in {a}, {country}, {b}", "was born at {a} {b}")),
        ("deathplace", "death", ("died in {a} {b}", "died {b} in {a}", "died at {his} home in {a} {b}")),
    ),
    "novel": (
        ("author", "published", ("is a novel by {a}, first published {b}", "was written by {a} and published {b}",
                                 "is a {genre} novel by the {nationality} writer {a} that appeared {b}")),
    ),
    "play": (("author", "premiere", ("is a play by {a}, first performed {b}", "was written by {a} and opened {b}")),),
    "painting": (("painter", "painted", (*verbed(BY, "painted"), "is a painting by {a}, completed {b}")),),
    "film": (
        ("director", "released", ("is a film directed by {a} and released {b}", "is a {genre} film by {a} that came out {b}")),
    ),
    "symphony": (
        ("composer", "premiere", ("is a work by {a}, first performed {b}", "was composed by {a} and first heard {b}")),
        ("place", "premiere", (*verbed(IN, "first performed"), "had its premiere in {a} {b}")),
    ),
    "country": (("continent", "neighbour", ("is a country in {a} that borders {b}", "lies in {a} and borders {b}")),),
    "city": (
        ("founder", "founded", verbed(BY, "founded")),
        ("country", "river", ("is a city in {a} on {b}", "is a city of {a}, situated on {b}")),
    ),
    "river": (
        ("country", "mouth", ("is a river in {a} that flows into {b}", "flows through {a} into {b}")),
        ("source", "mouth", ("rises on {a} and flows into {b}", "flows from {a} to {b}")),
        ("rise", "mouth", ("rises in the {a} and flows into {b}", "flows from the {a} to {b}")),
    ),
    "mountain": (
        ("climber", "climbed", verbed(BY, "climbed")),
        ("country", "height", ("is a mountain in {a}, {b} high", "is the highest mountain in {a}, at {b}")),
    ),
    "island": (("country", "sea", ("is an island of {a} in {b}", "belongs to {a} and lies in {b}")),),
    "element": (
        ("discoverer", "discovered", verbed(BY, "discovered")),
        ("symbol", "number", ("is a chemical element with the symbol {a} and the atomic number {b}",
                              "has the symbol {a} and atomic number {b}")),
    ),
    "planet": (("discoverer", "discovered", verbed(BY, "discovered")),),
    "invention": (("inventor", "invented", verbed(BY, "invented")), ("country", "invented", verbed(IN, "invented"))),
    "event": (
        ("place", "date", ("took place near {a} {b}", "was fought {b} near {a}", "broke out in {a} {b}")),
        ("winner", "loser", ("ended with the victory of {a} over {b}", "was won by {a} against {b}")),
    ),
    "building": (
        ("architect", "completed", ("was designed by {a} and completed {b}", "is a work of {a}, finished {b}")),
        ("city", "completed", verbed(IN, "built")),
        ("city", "country", ("is a {buildingkind} in {a}, {b}", "stands in {a} in {b}")),
    ),
    "company": (("founder", "founded", verbed(BY, "founded")), ("seat", "founded", verbed(IN, "founded"))),
    "university": (("founder", "founded", verbed(BY, "founded")), ("city", "founded", verbed(IN, "founded"))),
    "ship": (("yard", "built", verbed(IN, "built")), ("sea", "sank", ("sank in {a} {b}", "went down {b} in {a}"))),
    "animal": (("home", "habitat", ("lives in the {b} of {a}", "is found in {b} in {a}")),),
    "lake": (("country", "area", ("is a lake in {a} that covers {b}", "is a lake in {a} with an area of {b}")),),
}  # fmt: skip

AFTER: dict[str, tuple[str, ...]] = {
    "person": (", who was then {age} years old", ", who came from {city}", ", a {occupation} from {city}",
               ", who had studied in {city}", " and {his} {sibling}", ", who died in {anyyear}"),
    "city": (", a town in {country}", ", a city of {bignum} people", ", where a museum recalls it", " in {country}"),
    "river": (" near {city}", ", {bignum} kilometres from the sea"),
    "country": (", though {nationality} by origin", " and {country}"),
    "building": (" in {city}", ", {city}", ", which had opened in {anyyear}", " in {country}"),
    "university": (" in {city}", ", then headed by {person}", " in {country}"),
    "company": (" of {city}", ", a firm in {country}"),
    "novel": (", which appeared in {anyyear}", ", a {genre} novel", ", published in {city}"),
    "painting": (", now in {city}", ", painted in {anyyear}"),
    "mountain": (" in {country}", ", {bignum} metres high"),
    "sea": (" near {city}", ", not far from {city}"),
}  # fmt: skip
"""Words after a value that ends a sentence."""
