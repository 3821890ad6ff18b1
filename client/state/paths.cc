#include "client/state/paths.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <system_error>

namespace rdev::state {
namespace {

namespace fs = std::filesystem;

// sockaddr_un takes 107 bytes; a socket's name here is 16 hexadecimal digits and ".sock".
constexpr std::size_t kLongestRuntime = 107 - 1 - 16 - 5;

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// XDG says: a relative path is to be ignored.
fs::path xdg(const char* name) {
  const fs::path path(variable(name));
  return path.is_absolute() ? path : fs::path();
}

fs::path shared_runtime() {
  const fs::path xdg_runtime = xdg("XDG_RUNTIME_DIR");
  if (!xdg_runtime.empty() && (xdg_runtime / "rdev").native().size() <= kLongestRuntime) {
    return xdg_runtime / "rdev";
  }
  return fs::path("/tmp") / ("rdev-" + std::to_string(::geteuid()));
}

Result<Paths> under_rdev_home(std::string_view home) {
  std::error_code error;
  fs::path root = fs::absolute(fs::path(home), error).lexically_normal();
  if (error) {
    return fail_errno("cannot make RDEV_HOME absolute", error.value());
  }
  if (root.filename().empty()) {
    root = root.parent_path();
  }
  Paths paths;
  paths.config = root / "config";
  paths.state = root / "state";
  paths.runtime = root / "run";
  if (paths.runtime.native().size() > kLongestRuntime) {
    paths.runtime = shared_runtime();
  }
  paths.rdev_home = root.string();
  return paths;
}

}  // namespace

Result<fs::path> home_dir() {
  fs::path home(variable("HOME"));
  if (!home.is_absolute()) {
    return fail(Code::kUsage,
                "HOME is not set to an absolute path: set it, or set RDEV_HOME to a "
                "directory where rdev may keep its files");
  }
  return home;
}

Result<Paths> find_paths() {
  if (const std::string_view rdev_home = variable("RDEV_HOME"); !rdev_home.empty()) {
    return under_rdev_home(rdev_home);
  }
  Paths paths;
  paths.config = xdg("XDG_CONFIG_HOME");
  paths.state = xdg("XDG_STATE_HOME");
  if (paths.config.empty() || paths.state.empty()) {
    const auto home = home_dir();
    if (!home) {
      return tl::make_unexpected(home.error());
    }
    paths.config = paths.config.empty() ? *home / ".config" : paths.config;
    paths.state = paths.state.empty() ? *home / ".local" / "state" : paths.state;
  }
  paths.config /= "rdev";
  paths.state /= "rdev";
  paths.runtime = shared_runtime();
  return paths;
}

std::vector<std::pair<std::string, std::string>> path_variables(const Paths& paths) {
  if (!paths.rdev_home.empty()) {
    return {{"RDEV_HOME", paths.rdev_home}};
  }
  return {{"RDEV_HOME", ""},
          {"XDG_CONFIG_HOME", paths.config.parent_path().string()},
          {"XDG_STATE_HOME", paths.state.parent_path().string()}};
}

Result<fs::path> own_program() {
  std::error_code error;
  fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    return fail_errno("cannot find the path of this program", error.value());
  }
  return program;
}

Result<fs::path> find_shared_file(const std::string& relative) {
  const auto program = own_program();
  if (!program) {
    return tl::make_unexpected(program.error());
  }
  const fs::path here = program->parent_path();
  const fs::path up = here.parent_path();
  std::string looked;
  for (const fs::path& dir : {here, up / "share" / "rdev", up / "libexec" / "rdev"}) {
    std::error_code error;
    if (fs::is_regular_file(dir / relative, error)) {
      return dir / relative;
    }
    looked += (looked.empty() ? "" : ", ") + (dir / relative).string();
  }
  return fail(Code::kNotFound, relative + " was not found; looked for " + looked);
}

}  // namespace rdev::state
