#include "client/commands/browser.h"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

namespace rdev::commands {
namespace {

std::vector<std::string> browsers() {
  const char* own = std::getenv("BROWSER");
  if (own != nullptr && *own != '\0') {
    return {own};
  }
  return {"xdg-open", "wslview", "open"};
}

// Its words are not for our terminal.
bool start(const std::string& program, const std::string& url) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (int fd = 0; fd <= STDERR_FILENO; ++fd) {
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  }
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  std::array<std::string, 2> words = {program, url};
  std::array<char*, 3> argv = {words[0].data(), words[1].data(), nullptr};
  pid_t pid = 0;
  const int error =
      ::posix_spawnp(&pid, program.c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error == 0;
}

}  // namespace

Result<void> open_in_browser(const std::string& url) {
  for (const std::string& program : browsers()) {
    if (start(program, url)) {
      return {};
    }
  }
  return fail(Code::kNotFound, "no browser was found: open the address by hand, or set BROWSER");
}

}  // namespace rdev::commands
