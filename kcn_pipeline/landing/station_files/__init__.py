"""Lands the small text files of automatic stations: tens of thousands a night, from a folder, FTP, FTPS or SFTP.

It must not open a file or judge its name; staging does. The surprising fact: nothing here is done file by file that can
be done column by column or many at a time, because the cost of a night is per file and not per byte.
"""

from kcn_pipeline.landing.station_files.land import land_station_files

__all__ = ["land_station_files"]
