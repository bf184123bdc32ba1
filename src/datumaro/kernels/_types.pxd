# What columns have in place of objects: kinds of annotations (AnnotationType) and labels.

cdef enum:
    UNKNOWN = 0
    LABEL = 1
    MASK = 2
    POINTS = 3
    POLYGON = 4
    POLYLINE = 5
    BBOX = 6
    CAPTION = 7
    CUBOID_3D = 8
    SUPER_RESOLUTION = 9
    DEPTH = 10
    ELLIPSE = 11
    HASH_KEY = 12
    FEATURE_VECTOR = 13
    TABULAR = 14
    ROTATED_BBOX = 15
    CUBOID_2D = 16
    SKELETON = 17
    TYPES = 18           # all are below it

    NO_LABEL = -2147483648
