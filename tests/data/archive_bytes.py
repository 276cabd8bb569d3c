"""Archives as a code host packs them, for the tests that read them."""

import io
import tarfile
import zipfile

TOP = "Sign-Language-Digits-Dataset-4b09433/"


def as_zip(files, top=TOP, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as packed:
        for path, content in files.items():
            packed.writestr(top + path, content)
    return buffer.getvalue()


def as_tar_gz(files, top=TOP):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for path, content in files.items():
            info = tarfile.TarInfo(top + path)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo(top + "Dataset/0/LINK.JPG")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        packed.addfile(link)
    return buffer.getvalue()
