#include "client/commands/run_script.h"

#include <string_view>
#include <utility>

#include "client/sshconfig/quote.h"

namespace rdev::commands {
namespace {

using sshconfig::shell_quote;

// Reads to the end: whoever lets the command begin has exited then, and is not ended with a job
// that ends at once. The command inherits no process of ours, not even a dead one.
constexpr std::string_view kWait = R"sh(umask 077
mkdir -p @DIR@/src
mkfifo @DIR@/go 2>/dev/null || [ -p @DIR@/go ]
(trap 'kill $! 2>/dev/null; exit' TERM; sleep @PATIENCE@ & wait; echo late >@DIR@/go) &
rdev_timer=$!
{ read -r rdev_word; while read -r rdev_rest; do :; done; } <@DIR@/go
kill $rdev_timer 2>/dev/null || :
wait $rdev_timer || :
[ "$rdev_word" = go ] || { echo "rdev: nobody came to let the command begin" >&2; exit 1; }
umask 022
cd @DIR@/src
)sh";
constexpr std::string_view kAnyPython =
    R"sh(rdev_python=$(command -v python3 || command -v python) || { echo "rdev: the image has no python for pip" >&2; exit 1; }
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

std::vector<std::string> job_command(const RunScript& script) {
  std::vector<std::string> command = script.command;
  if (!script.python.empty() && !command.empty() && command.front() == "python") {
    command.front() = script.python;
  }
  std::string text = "set -e\n" + filled(filled(kWait, "@DIR@", script.directory), "@PATIENCE@",
                                         std::to_string(script.patience.count()));
  text += pip_lines(script) + "exec \"$@\"";
  std::vector<std::string> words = {"sh", "-c", std::move(text), "rdev-run"};
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

std::vector<std::string> delivery_command(const RunScript& script, const std::string& sha256) {
  std::string text = filled(kDeliver, "@UNPACK@", sha256.empty() ? "" : std::string(kUnpack));
  text = filled(filled(text, "@SHA256@", sha256), "@DIR@", script.directory);
  return {"sh", "-c", std::move(text)};
}

}  // namespace rdev::commands
