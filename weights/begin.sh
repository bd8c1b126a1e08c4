# The beginning of every recipe: reads the arguments and checks the inputs. A recipe reads this file with `.`.
set -eu
if [ $# != 3 ]; then
    echo "usage: $0 DATA CHECKPOINTS FOLDER; the first lines of $0 describe them" >&2
    exit 2
fi
mkdir -p "$3"
recipe=$(realpath "$(dirname "$0")") data=$(realpath "$1") checkpoints=$(realpath "$2") out=$(realpath "$3")
cd "$recipe/../.."
# Sorts file names and lines by bytes.
export LC_ALL=C

# check_files FOLDER LIST: every file of the list is in the folder and has its SHA-256.
check_files() {
    (cd "$1" && sha256sum --check --quiet --strict "$2") >&2 || {
        echo "$0: the files named above are missing in $1, or differ from $2" >&2
        exit 2
    }
}
# check_no_others PATTERN…: all data files that match are in the list. For folders that are read whole.
check_no_others() {
    for pattern; do
        for file in "$data"/$pattern; do
            sed 's/^[0-9a-f]*  //' "$recipe/data.sha256" | grep -qxF "${file#"$data"/}" || {
                echo "$0: $file is not in $recipe/data.sha256" >&2
                exit 2
            }
        done
    done
}
check_files "$data" "$recipe/data.sha256"
check_files "$checkpoints" "$recipe/checkpoints.sha256"

cargo build --release --quiet --package embert-prepare
embert() { cargo run --release --quiet --package embert-cli --features train -- "$@"; }
prepare() { cargo run --release --quiet --package embert-prepare -- "$@"; }
