"""Draws the golden pictures with DiceBear's own renderer.

    pip install dicebear-core==11.0.0rc2
    python make.py path/to/dicebear-styles-11.0.0-rc.3/src/avataaars.json

Reads labels.json and the colours of ../../src/avatar/vocabulary.rs, writes 0.svg, 1.svg, ...
"""
import json
import re
import sys
from pathlib import Path

from dicebear import Avatar, Style

here = Path(__file__).parent
source = (here / "../../src/avatar/vocabulary.rs").read_text()
palettes = {
    name: dict(re.findall(r'color\("(\w+)", \d+, "(#\w+)"', table))
    for name, table in re.findall(r"const (\w+): (?:&\[Color\]|\[Color; \d+\]) = &?\[(.*?)\n\];", source, re.S)
}
palettes["CLOTHES_COLOR"] = palettes["HAT_COLOR"] = palettes["PLAIN"]
style = Style(json.loads(Path(sys.argv[1]).read_text()))

for index, labels in enumerate(json.loads((here / "labels.json").read_text())):
    def color(key, palette=None):
        return [palettes[palette or key.upper()][labels[key]]]

    options = {"seed": "golden", "topProbability": 0, "facialHairProbability": 0, "accessoriesProbability": 0}
    for part in ("mouth", "eyes", "eyebrows", "clothes"):
        options[part + "Variant"] = [labels[part]]
    options["skinColor"] = color("skin")
    options["backgroundColor"] = color("background")
    options["clothesColor"] = color("clothes_color")
    if "graphic" in labels:
        options["clothesGraphicVariant"] = [labels["graphic"]]
    if labels["hat"] != "none":
        options |= {"topProbability": 100, "topVariant": [labels["hat"]], "hatColor": color("hat_color")}
    elif labels["hair"] != "bald":
        options |= {"topProbability": 100, "topVariant": [labels["hair"]], "hairColor": color("hair_color")}
    if labels["beard"] != "none":
        options |= {"facialHairProbability": 100, "facialHairVariant": [labels["beard"]]}
        options["facialHairColor"] = color("beard_color", "HAIR_COLOR")
    if labels["glasses"] != "none":
        options |= {"accessoriesProbability": 100, "accessoriesVariant": [labels["glasses"]]}
        options["accessoriesColor"] = color("glasses_color")
    (here / f"{index}.svg").write_text(str(Avatar(style, options)))
