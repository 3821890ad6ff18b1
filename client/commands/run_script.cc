#include "client/commands/run_script.h"

#include <filesystem>
#include <string_view>
#include <utility>

#include "client/sshconfig/quote.h"

namespace rdev::commands {
namespace {

using sshconfig::shell_quote;

// Waits for a word at the fifo $1; it stays empty when the `sleep` that holds it open ends first.
// Reads to the end: whoever writes it has exited then, and is not ended with a job that ends at
// once. The command inherits no process of ours, not even a dead one.
constexpr std::string_view kWait = R"sh(rdev_wait() {
  mkfifo "$1" 2>/dev/null || [ -p "$1" ]
  sleep @PATIENCE@ >"$1" &
  rdev_timer=$!
  {
    read -r rdev_word || :
    { kill $rdev_timer && wait $rdev_timer; } 2>/dev/null || :
    while read -r rdev_rest; do :; done
  } <"$1"
}
)sh";
constexpr std::string_view kBegin = R"sh(umask 077
mkdir -p @DIR@/src
rdev_wait @DIR@/go
[ "$rdev_word" = go ] || { echo "rdev: nobody came to let the command begin" >&2; exit 1; }
umask 022
cd @DIR@/src
)sh";
// The code is told at a fifo as often as it is asked for. A reader may be gone before it is
// written; a command may have removed the folder.
constexpr std::string_view kKeep = R"sh([ "${NODE_RANK:-0}" = 0 ] || exec "$@"
rdev_code=0
"$@" || rdev_code=$?
umask 077
mkfifo @DIR@/ended 2>/dev/null || [ -p @DIR@/ended ] || exit "$rdev_code"
(trap '' PIPE; while [ -p @DIR@/ended ]; do echo "$rdev_code" >@DIR@/ended || :; done) 2>/dev/null &
rdev_teller=$!
rdev_wait @DIR@/fetched
kill $rdev_teller 2>/dev/null || :
[ "$rdev_word" = fetched ] || echo "rdev: nobody has fetched the results" >&2
exit "$rdev_code")sh";
constexpr std::string_view kEnded = R"sh(umask 077
mkfifo @DIR@/ended 2>/dev/null || [ -p @DIR@/ended ] || exit
read -r code <@DIR@/ended
echo "$code")sh";
constexpr std::string_view kFetch = R"sh(cd @DIR@/src || exit
cd "$1" 2>/dev/null && { [ -e "$2" ] || [ -L "$2" ]; } || exit @NONE@
exec tar -cf - "$2")sh";
constexpr std::string_view kFetched = R"sh(umask 077
mkfifo @DIR@/fetched 2>/dev/null || [ -p @DIR@/fetched ] || exit
exec 3>@DIR@/fetched
echo fetched >&3)sh";
constexpr std::string_view kAnyPython =
    R"sh(rdev_python=$(command -v python3 || command -v python) || { echo "rdev: the image has no python for pip" >&2; exit 1; }
)sh";
// A CMD that begins with "python", where images have a python3 only.
constexpr std::string_view kPython3 =
    R"sh(command -v python >/dev/null || { shift; set -- python3 "$@"; }
)sh";
constexpr std::string_view kDeliver = R"sh(set -e
umask 077
mkdir -p @DIR@/src
mkfifo @DIR@/go 2>/dev/null || [ -p @DIR@/go ]
@UNPACK@exec 3>@DIR@/go
echo go >&3)sh";
constexpr std::string_view kUnpack = R"sh(cat >@DIR@/sources.tar
if command -v sha256sum >/dev/null; then
  echo "@SHA256@  @DIR@/sources.tar" | sha256sum -c - >/dev/null
fi
tar -xf @DIR@/sources.tar -C @DIR@/src
rm @DIR@/sources.tar
)sh";

std::string filled(std::string_view text, std::string_view name, const std::string& value) {
  std::string result(text);
  for (std::size_t at = 0; (at = result.find(name, at)) != std::string::npos; at += value.size()) {
    result.replace(at, name.size(), value);
  }
  return result;
}

std::string in_directory(std::string_view text, const RunScript& script) {
  return filled(text, "@DIR@", script.directory);
}

std::string pip_lines(const RunScript& script) {
  if (script.pip.empty()) {
    return "";
  }
  std::string line = "\"$rdev_python\" -m pip install --quiet";
  for (const std::string& one : script.pip) {
    line += " " + shell_quote(one);
  }
  return (script.python.empty() ? std::string(kAnyPython)
                                : "rdev_python=" + shell_quote(script.python) + "\n") +
         line + "\n";
}

}  // namespace

std::string source_directory(const RunScript& script) {
  return filled(script.directory, "${NODE_RANK:-0}", "0") + "/src";
}

std::vector<std::string> job_command(const RunScript& script) {
  std::vector<std::string> command = script.command;
  const bool is_python = !command.empty() && command.front() == "python";
  if (is_python && !script.python.empty()) {
    command.front() = script.python;
  }
  std::string text = "set -e\n";
  text += filled(kWait, "@PATIENCE@", std::to_string(script.patience.count()));
  text += in_directory(kBegin, script) + pip_lines(script);
  text += is_python && script.python.empty() ? kPython3 : "";
  text += script.keeps_results ? in_directory(kKeep, script) : "exec \"$@\"";
  std::vector<std::string> words = {"sh", "-c", std::move(text), "rdev-run"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<std::string> delivery_command(const RunScript& script, const std::string& sha256) {
  std::string text = filled(kDeliver, "@UNPACK@", sha256.empty() ? "" : std::string(kUnpack));
  text = in_directory(filled(text, "@SHA256@", sha256), script);
  return {"sh", "-c", std::move(text)};
}

std::vector<std::string> ended_command(const RunScript& script) {
  return {"sh", "-c", in_directory(kEnded, script)};
}

std::vector<std::string> fetch_command(const RunScript& script, const std::string& path) {
  const std::filesystem::path whole(path);
  const std::string folder = whole.parent_path().string();
  std::string text = filled(in_directory(kFetch, script), "@NONE@", std::to_string(kNoResult));
  return {"sh",
          "-c",
          std::move(text),
          "rdev-fetch",
          folder.starts_with('/') ? folder : "./" + folder,
          "./" + whole.filename().string()};
}

std::vector<std::string> fetched_command(const RunScript& script) {
  return {"sh", "-c", in_directory(kFetched, script)};
}

}  // namespace rdev::commands
