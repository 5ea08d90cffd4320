# shellcheck shell=bash
# The Node that runs this repository. Two services need it, and two installs of it at once would break each other.

use_node() { sh "$checkout/tools/node/use.sh" "$@"; }

make_node_ready() {
  case " $only " in
    *' kms '* | *' kafka '*) use_node node -e 0 >&2 ;;
  esac
}
