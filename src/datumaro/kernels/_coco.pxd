# What reading and writing COCO's JSON share.

cdef extern from *:
    """
    /* the attributes of most annotations */
    #define DM_PLAIN "{\\"is_crowd\\":false}"
    #define DM_CROWD "{\\"is_crowd\\":true}"
    /* what Datumaro writes of images of which it knows no more */
    #define DM_BLANK ",\\"license\\":0,\\"flickr_url\\":\\"\\",\\"coco_url\\":\\"\\",\\"date_captured\\":0"
    """
    const char* PLAIN "DM_PLAIN"
    const char* CROWD "DM_CROWD"
    const char* BLANK "DM_BLANK"

cdef enum:
    BLANK_SIZE = 60
