"""The labels of the published data sets, as their configurations have them.

Definition: https://www.mapillary.com/dataset/vistas
"""

from __future__ import annotations

from datumaro.formats.label_colors import LabelColors

_V1_2 = """
165 42 42 animal--bird
0 192 0 animal--ground-animal
196 196 196 construction--barrier--curb
190 153 153 construction--barrier--fence
180 165 180 construction--barrier--guard-rail
90 120 150 construction--barrier--other-barrier
102 102 156 construction--barrier--wall
128 64 255 construction--flat--bike-lane
140 140 200 construction--flat--crosswalk-plain
170 170 170 construction--flat--curb-cut
250 170 160 construction--flat--parking
96 96 96 construction--flat--pedestrian-area
230 150 140 construction--flat--rail-track
128 64 128 construction--flat--road
110 110 110 construction--flat--service-lane
244 35 232 construction--flat--sidewalk
150 100 100 construction--structure--bridge
70 70 70 construction--structure--building
150 120 90 construction--structure--tunnel
220 20 60 human--person
255 0 0 human--rider--bicyclist
255 0 100 human--rider--motorcyclist
255 0 200 human--rider--other-rider
200 128 128 marking--crosswalk-zebra
255 255 255 marking--general
64 170 64 nature--mountain
230 160 50 nature--sand
70 130 180 nature--sky
190 255 255 nature--snow
152 251 152 nature--terrain
107 142 35 nature--vegetation
0 170 30 nature--water
255 255 128 object--banner
250 0 30 object--bench
100 140 180 object--bike-rack
220 220 220 object--billboard
220 128 128 object--catch-basin
222 40 40 object--cctv-camera
100 170 30 object--fire-hydrant
40 40 40 object--junction-box
33 33 33 object--mailbox
100 128 160 object--manhole
142 0 0 object--phone-booth
70 100 150 object--pothole
210 170 100 object--street-light
153 153 153 object--support--pole
128 128 128 object--support--traffic-sign-frame
0 0 80 object--support--utility-pole
250 170 30 object--traffic-light
192 192 192 object--traffic-sign--back
220 220 0 object--traffic-sign--front
140 140 20 object--trash-can
119 11 32 object--vehicle--bicycle
150 0 255 object--vehicle--boat
0 60 100 object--vehicle--bus
0 0 142 object--vehicle--car
0 0 90 object--vehicle--caravan
0 0 230 object--vehicle--motorcycle
0 80 100 object--vehicle--on-rails
128 64 64 object--vehicle--other-vehicle
0 0 110 object--vehicle--trailer
0 0 70 object--vehicle--truck
0 0 192 object--vehicle--wheeled-slow
32 32 32 void--car-mount
120 10 10 void--ego-vehicle
0 0 0 void--unlabeled
"""

_V2_0 = """
165 42 42 animal--bird
0 192 0 animal--ground-animal
250 170 31 construction--barrier--ambiguous
250 170 32 construction--barrier--concrete-block
196 196 196 construction--barrier--curb
190 153 153 construction--barrier--fence
180 165 180 construction--barrier--guard-rail
90 120 150 construction--barrier--other-barrier
250 170 33 construction--barrier--road-median
250 170 34 construction--barrier--road-side
128 128 128 construction--barrier--separator
250 170 35 construction--barrier--temporary
102 102 156 construction--barrier--wall
128 64 255 construction--flat--bike-lane
140 140 200 construction--flat--crosswalk-plain
170 170 170 construction--flat--curb-cut
250 170 36 construction--flat--driveway
250 170 160 construction--flat--parking
250 170 37 construction--flat--parking-aisle
96 96 96 construction--flat--pedestrian-area
230 150 140 construction--flat--rail-track
128 64 128 construction--flat--road
110 110 110 construction--flat--road-shoulder
110 110 110 construction--flat--service-lane
244 35 232 construction--flat--sidewalk
128 196 128 construction--flat--traffic-island
150 100 100 construction--structure--bridge
70 70 70 construction--structure--building
150 150 150 construction--structure--garage
150 120 90 construction--structure--tunnel
220 20 60 human--person--individual
220 20 60 human--person--person-group
255 0 0 human--rider--bicyclist
255 0 100 human--rider--motorcyclist
255 0 200 human--rider--other-rider
255 255 255 marking--continuous--dashed
255 255 255 marking--continuous--solid
250 170 29 marking--continuous--zigzag
250 170 28 marking--discrete--ambiguous
250 170 26 marking--discrete--arrow--left
250 170 25 marking--discrete--arrow--other
250 170 24 marking--discrete--arrow--right
250 170 22 marking--discrete--arrow--split-left-or-straight
250 170 21 marking--discrete--arrow--split-right-or-straight
250 170 20 marking--discrete--arrow--straight
255 255 255 marking--discrete--crosswalk-zebra
250 170 19 marking--discrete--give-way-row
250 170 18 marking--discrete--give-way-single
250 170 12 marking--discrete--hatched--chevron
250 170 11 marking--discrete--hatched--diagonal
255 255 255 marking--discrete--other-marking
255 255 255 marking--discrete--stop-line
250 170 16 marking--discrete--symbol--bicycle
250 170 15 marking--discrete--symbol--other
250 170 15 marking--discrete--text
255 255 255 marking-only--continuous--dashed
255 255 255 marking-only--discrete--crosswalk-zebra
255 255 255 marking-only--discrete--other-marking
255 255 255 marking-only--discrete--text
64 170 64 nature--mountain
230 160 50 nature--sand
70 130 180 nature--sky
190 255 255 nature--snow
152 251 152 nature--terrain
107 142 35 nature--vegetation
0 170 30 nature--water
255 255 128 object--banner
250 0 30 object--bench
100 140 180 object--bike-rack
220 128 128 object--catch-basin
222 40 40 object--cctv-camera
100 170 30 object--fire-hydrant
40 40 40 object--junction-box
33 33 33 object--mailbox
100 128 160 object--manhole
20 20 255 object--parking-meter
142 0 0 object--phone-booth
70 100 150 object--pothole
250 171 30 object--sign--advertisement
250 172 30 object--sign--ambiguous
250 173 30 object--sign--back
250 174 30 object--sign--information
250 175 30 object--sign--other
250 176 30 object--sign--store
210 170 100 object--street-light
153 153 153 object--support--pole
153 153 153 object--support--pole-group
128 128 128 object--support--traffic-sign-frame
0 0 80 object--support--utility-pole
210 60 60 object--traffic-cone
250 170 30 object--traffic-light--cyclists
250 170 30 object--traffic-light--general-horizontal
250 170 30 object--traffic-light--general-single
250 170 30 object--traffic-light--general-upright
250 170 30 object--traffic-light--other
250 170 30 object--traffic-light--pedestrians
192 192 192 object--traffic-sign--ambiguous
192 192 192 object--traffic-sign--back
192 192 192 object--traffic-sign--direction-back
220 220 0 object--traffic-sign--direction-front
220 220 0 object--traffic-sign--front
0 0 196 object--traffic-sign--information-parking
192 192 192 object--traffic-sign--temporary-back
220 220 0 object--traffic-sign--temporary-front
140 140 20 object--trash-can
119 11 32 object--vehicle--bicycle
150 0 255 object--vehicle--boat
0 60 100 object--vehicle--bus
0 0 142 object--vehicle--car
0 0 90 object--vehicle--caravan
0 0 230 object--vehicle--motorcycle
0 80 100 object--vehicle--on-rails
128 64 64 object--vehicle--other-vehicle
0 0 110 object--vehicle--trailer
0 0 70 object--vehicle--truck
0 0 142 object--vehicle--vehicle-group
0 0 192 object--vehicle--wheeled-slow
170 170 170 object--water-valve
32 32 32 void--car-mount
111 74 0 void--dynamic
120 10 10 void--ego-vehicle
81 0 81 void--ground
111 111 0 void--static
0 0 0 void--unlabeled
"""


def standard(version: str) -> LabelColors:
    """The labels of ``v1.2`` or ``v2.0``, and their colours."""
    names: list[str] = []
    labels = LabelColors(names)
    for line in {"v1.2": _V1_2, "v2.0": _V2_0}[version].strip().split("\n"):
        red, green, blue, name = line.split(" ")
        labels.colors[len(names)] = int(red), int(green), int(blue)
        names.append(name)
    return labels
