"""The text files of automatic stations (Thông tư 10/2021/TT-BTNMT), one file per station every five minutes → readings.

Nothing here knows the lake, a register or a limit. The surprising fact: nobody writes the format as it is printed, so a
line is read by what its columns hold and not by where they stand.

    names    the station and the time in a file's name
    lines    what one line means: layouts, times, numbers, symbols, units, statuses
    exports  the workbooks that station software exports
    reader   many files at a time, fast, by remembering all of a line but its value
"""

from kcn_pipeline.staging.station_files.lines import Frame, LineReader, read_time, read_value
from kcn_pipeline.staging.station_files.names import FileName, read_file_name
from kcn_pipeline.staging.station_files.reader import FileBatch, StationFileReader

__all__ = [
    "FileBatch",
    "FileName",
    "Frame",
    "LineReader",
    "StationFileReader",
    "read_file_name",
    "read_time",
    "read_value",
]
