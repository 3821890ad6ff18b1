#include "agent/services/greeting.h"

#include <sys/stat.h>

#include "protocol/base/file.h"

namespace rdev::services {
namespace {

constexpr std::size_t kMostBytes = std::size_t{64} * 1024;

// Empty without one. Anything but a regular file might keep us waiting.
std::string message_of(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return {};
  }
  return base::read_file(path, kMostBytes).value_or("");
}

}  // namespace

std::string greeting(const GreetingSources& sources) {
  struct stat status{};
  if (::stat((sources.home / ".hushlogin").c_str(), &status) == 0) {
    return {};
  }
  std::string text = message_of(sources.motd);
  if (!text.empty() && !text.ends_with('\n')) {
    text += '\n';
  }
  if (!sources.note.empty()) {
    text += "rdev: " + sources.note + '\n';
  }
  std::string lines;
  for (const char c : text) {
    lines += c == '\n' ? std::string("\r\n") : std::string(1, c);
  }
  return lines;
}

}  // namespace rdev::services
