"""The labels of the published data sets, as their configurations have them.

Definition: https://www.mapillary.com/dataset/vistas
"""

from __future__ import annotations

from datumaro.formats.label_colors import LabelColors

# the versions that have a label (1: v1.2, 2: v2.0), its colour, its name
_LABELS = """
12 165 42 42 animal--bird
12 0 192 0 animal--ground-animal
2 250 170 31 construction--barrier--ambiguous
2 250 170 32 construction--barrier--concrete-block
12 196 196 196 construction--barrier--curb
12 190 153 153 construction--barrier--fence
12 180 165 180 construction--barrier--guard-rail
12 90 120 150 construction--barrier--other-barrier
2 250 170 33 construction--barrier--road-median
2 250 170 34 construction--barrier--road-side
2 128 128 128 construction--barrier--separator
2 250 170 35 construction--barrier--temporary
12 102 102 156 construction--barrier--wall
12 128 64 255 construction--flat--bike-lane
12 140 140 200 construction--flat--crosswalk-plain
12 170 170 170 construction--flat--curb-cut
2 250 170 36 construction--flat--driveway
12 250 170 160 construction--flat--parking
2 250 170 37 construction--flat--parking-aisle
12 96 96 96 construction--flat--pedestrian-area
12 230 150 140 construction--flat--rail-track
12 128 64 128 construction--flat--road
2 110 110 110 construction--flat--road-shoulder
12 110 110 110 construction--flat--service-lane
12 244 35 232 construction--flat--sidewalk
2 128 196 128 construction--flat--traffic-island
12 150 100 100 construction--structure--bridge
12 70 70 70 construction--structure--building
2 150 150 150 construction--structure--garage
12 150 120 90 construction--structure--tunnel
1 220 20 60 human--person
2 220 20 60 human--person--individual
2 220 20 60 human--person--person-group
12 255 0 0 human--rider--bicyclist
12 255 0 100 human--rider--motorcyclist
12 255 0 200 human--rider--other-rider
2 255 255 255 marking--continuous--dashed
2 255 255 255 marking--continuous--solid
2 250 170 29 marking--continuous--zigzag
1 200 128 128 marking--crosswalk-zebra
2 250 170 28 marking--discrete--ambiguous
2 250 170 26 marking--discrete--arrow--left
2 250 170 25 marking--discrete--arrow--other
2 250 170 24 marking--discrete--arrow--right
2 250 170 22 marking--discrete--arrow--split-left-or-straight
2 250 170 21 marking--discrete--arrow--split-right-or-straight
2 250 170 20 marking--discrete--arrow--straight
2 255 255 255 marking--discrete--crosswalk-zebra
2 250 170 19 marking--discrete--give-way-row
2 250 170 18 marking--discrete--give-way-single
2 250 170 12 marking--discrete--hatched--chevron
2 250 170 11 marking--discrete--hatched--diagonal
2 255 255 255 marking--discrete--other-marking
2 255 255 255 marking--discrete--stop-line
2 250 170 16 marking--discrete--symbol--bicycle
2 250 170 15 marking--discrete--symbol--other
2 250 170 15 marking--discrete--text
1 255 255 255 marking--general
2 255 255 255 marking-only--continuous--dashed
2 255 255 255 marking-only--discrete--crosswalk-zebra
2 255 255 255 marking-only--discrete--other-marking
2 255 255 255 marking-only--discrete--text
12 64 170 64 nature--mountain
12 230 160 50 nature--sand
12 70 130 180 nature--sky
12 190 255 255 nature--snow
12 152 251 152 nature--terrain
12 107 142 35 nature--vegetation
12 0 170 30 nature--water
12 255 255 128 object--banner
12 250 0 30 object--bench
12 100 140 180 object--bike-rack
1 220 220 220 object--billboard
12 220 128 128 object--catch-basin
12 222 40 40 object--cctv-camera
12 100 170 30 object--fire-hydrant
12 40 40 40 object--junction-box
12 33 33 33 object--mailbox
12 100 128 160 object--manhole
2 20 20 255 object--parking-meter
12 142 0 0 object--phone-booth
12 70 100 150 object--pothole
2 250 171 30 object--sign--advertisement
2 250 172 30 object--sign--ambiguous
2 250 173 30 object--sign--back
2 250 174 30 object--sign--information
2 250 175 30 object--sign--other
2 250 176 30 object--sign--store
12 210 170 100 object--street-light
12 153 153 153 object--support--pole
2 153 153 153 object--support--pole-group
12 128 128 128 object--support--traffic-sign-frame
12 0 0 80 object--support--utility-pole
2 210 60 60 object--traffic-cone
1 250 170 30 object--traffic-light
2 250 170 30 object--traffic-light--cyclists
2 250 170 30 object--traffic-light--general-horizontal
2 250 170 30 object--traffic-light--general-single
2 250 170 30 object--traffic-light--general-upright
2 250 170 30 object--traffic-light--other
2 250 170 30 object--traffic-light--pedestrians
2 192 192 192 object--traffic-sign--ambiguous
12 192 192 192 object--traffic-sign--back
2 192 192 192 object--traffic-sign--direction-back
2 220 220 0 object--traffic-sign--direction-front
12 220 220 0 object--traffic-sign--front
2 0 0 196 object--traffic-sign--information-parking
2 192 192 192 object--traffic-sign--temporary-back
2 220 220 0 object--traffic-sign--temporary-front
12 140 140 20 object--trash-can
12 119 11 32 object--vehicle--bicycle
12 150 0 255 object--vehicle--boat
12 0 60 100 object--vehicle--bus
12 0 0 142 object--vehicle--car
12 0 0 90 object--vehicle--caravan
12 0 0 230 object--vehicle--motorcycle
12 0 80 100 object--vehicle--on-rails
12 128 64 64 object--vehicle--other-vehicle
12 0 0 110 object--vehicle--trailer
12 0 0 70 object--vehicle--truck
2 0 0 142 object--vehicle--vehicle-group
12 0 0 192 object--vehicle--wheeled-slow
2 170 170 170 object--water-valve
12 32 32 32 void--car-mount
2 111 74 0 void--dynamic
12 120 10 10 void--ego-vehicle
2 81 0 81 void--ground
2 111 111 0 void--static
12 0 0 0 void--unlabeled
"""


def standard(version: str) -> LabelColors:
    """The labels of ``v1.2`` or ``v2.0``, and their colours."""
    names: list[str] = []
    labels = LabelColors(names)
    for line in _LABELS.strip().split("\n"):
        versions, red, green, blue, name = line.split(" ")
        if version[1] in versions:
            labels.colors[len(names)] = int(red), int(green), int(blue)
            names.append(name)
    return labels
