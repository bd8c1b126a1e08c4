# What every recipe begins with; it is read by them, with their arguments.
set -eu
if [ $# != 3 ]; then
    echo "usage: $0 DATA CHECKPOINTS FOLDER; what these are stands in its first lines" >&2
    exit 2
fi
mkdir -p "$3"
data=$(realpath "$1") checkpoints=$(realpath "$2") out=$(realpath "$3")
cd "$(dirname "$0")/../.."
embert() { cargo run --release --quiet --features train -- "$@"; }
