from datumaro.table.schema import Array

def read_pixels(
    stream: bytes, bits: int, channels: int, scale: int, height: int, width: int, out: Array
) -> bool:
    """Decode the pixels of a PNG file that is not interlaced.

    Parameters
    ----------
    stream : its zlib stream.
    bits : of a channel: 1, 2, 4, 8 or 16.
    channels : 1, or with 8 bits 3 or 4.
    scale : values of less than 8 bits are multiplied by it.
    out : uint8 [n], the bytes of the pixels row by row: a byte each; of one channel with 16 bits
        uint16; of several int32, red << 16 | green << 8 | blue.

    Returns
    -------
    Whether the stream is whole and sound, and has as many bytes as the image. If not, what is in
    ``out`` has no meaning.

    Raises
    ------
    ValueError
        There is no such kind of image, or ``out`` has another size.
    """

def filter_rows(pixels: Array, out: Array) -> None:
    """Make the rows of a PNG file of gray values of 16 bits, each by the filter Sub or Up.

    The one is taken by which fewer pixels differ from those that are looked back at: in masks that
    leaves nearly nothing but zeros.

    Parameters
    ----------
    pixels : uint16 [height, width].
    out : uint8 [height, 1 + 2 width], each row's filter and its bytes.

    Raises
    ------
    ValueError
        ``out`` has another size.
    """

def filter_color_rows(pixels: Array, out: Array) -> None:
    """The same of colours of 8 bits a channel.

    Parameters
    ----------
    pixels : int32 [height, width], red | green << 8 | blue << 16.
    out : uint8 [height, 1 + 3 width], each row's filter and its bytes.

    Raises
    ------
    ValueError
        ``out`` has another size.
    """
