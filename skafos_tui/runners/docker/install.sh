# Installs the requirements in a build container; sourced settings and files lie beside it in a read-only mount.
# What follows the marker is the list of what is installed.
set -eu
here=$(dirname "$0")
. "$here/settings"
umask 022
python=$(command -v python || command -v python3) || { echo "ERROR: the image has no python"; exit 1; }
"$python" -c 'import pip' 2>/dev/null || { echo "ERROR: the image has no pip"; exit 1; }
export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_PROGRESS_BAR=off PIP_NO_CACHE_DIR=1
export PIP_ROOT_USER_ACTION=ignore PYTHONUNBUFFERED=1
# PEP 668: a system's python refuses pip, and in a container of its own there is no system to protect.
if "$python" -c 'import os, sys, sysconfig
path = os.path.join(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED")
sys.exit(not (os.path.exists(path) and sys.prefix == sys.base_prefix))'; then
    export PIP_BREAK_SYSTEM_PACKAGES=1
fi
mkdir -p /project
cd /project
requirements=$here/requirements.txt
if [ -e "$here/names-files" ]; then
    # pip looks for the files that a line names beside the file it stands in, and the project is here.
    requirements=/project/.skafos-requirements.txt
    cp "$here/requirements.txt" "$requirements"
fi
"$python" -m pip install --requirement "$requirements" 2>&1
rm -f /project/.skafos-requirements.txt
echo "=== skafos packages ==="
"$python" -m pip freeze 2>/dev/null
