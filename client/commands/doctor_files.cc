#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "client/commands/defaults.h"
#include "client/commands/doctor.h"
#include "client/state/identity.h"
#include "client/state/job_record.h"
#include "client/state/unfinished.h"
#include "protocol/base/file.h"
#include "protocol/base/unix_socket.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNamed = 3;

// Of a list, the first few.
std::string first_of(const std::vector<std::string>& names, const char* separator) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kMostNamed; ++i) {
    text += (i == 0 ? "" : separator) + names[i];
  }
  return text + (names.size() > kMostNamed
                     ? " and " + std::to_string(names.size() - kMostNamed) + " more"
                     : "");
}

// Why nothing can be written to `directory`, or made there when it does not exist; empty if it can.
std::string why_not_writable(fs::path directory) {
  std::error_code error;
  while (!fs::exists(directory, error) && directory.has_relative_path()) {
    directory = directory.parent_path();
  }
  if (!fs::is_directory(directory, error)) {
    return directory.string() + " is no directory";
  }
  if (::access(directory.c_str(), W_OK | X_OK) != 0) {
    return directory.string() + ": " + std::system_category().message(errno);
  }
  return {};
}

// What nobody but us may read.
std::vector<fs::path> secret_files(const state::Paths& paths) {
  std::vector<fs::path> files = {paths.state, state::long_lived_key_file(paths)};
  std::error_code error;
  for (fs::directory_iterator it(paths.state / "tokens", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    files.push_back(it->path());
  }
  for (const state::JobRecord& job : state::list(paths).jobs) {
    for (const std::string& name : state::all_instances(paths, job.name)) {
      const state::JobFiles own = state::job_files(paths, name);
      files.insert(files.end(), {own.record, own.key, own.front_key});
    }
  }
  return files;
}

// Where sockets would be if the path were short enough; empty when nothing says.
fs::path wanted_runtime(const state::Paths& paths) {
  if (!paths.rdev_home.empty()) {
    return fs::path(paths.rdev_home) / "run";
  }
  const char* xdg = std::getenv("XDG_RUNTIME_DIR");
  return xdg != nullptr && *xdg == '/' ? fs::path(xdg) / "rdev" : fs::path();
}

}  // namespace

awaitable<Findings> check_configuration(const state::Paths& paths) {
  Findings findings;
  const char* const cure = "correct it in an editor, or remove the file and begin anew";
  if (const auto defaults = load_defaults(paths); !defaults) {
    findings.push_back(fault("configuration", defaults.error().message, cure));
  } else if (const std::string why = why_not_trusted(*defaults); !why.empty()) {
    findings.push_back(warning("configuration", why, "read it; then rdev trust"));
  }
  std::size_t clusters = 0;
  for (const std::string& name : templates::cluster_names(paths)) {
    ++clusters;
    if (const auto entry = templates::load_cluster(paths, name); !entry) {
      findings.push_back(fault("configuration", entry.error().message, cure));
    }
  }
  if (findings.empty()) {
    findings.push_back(ok("configuration", paths.config.string() + ": " + std::to_string(clusters) +
                                               " clusters added"));
  }
  co_return findings;
}

awaitable<Findings> check_directories(const state::Paths& paths) {
  Findings findings;
  for (const fs::path& directory : {paths.config, paths.state}) {
    if (const std::string why = why_not_writable(directory); !why.empty()) {
      findings.push_back(fault("directories",
                               "nothing can be written to " + directory.string() + " (" + why + ")",
                               "make it yours and writable, or set RDEV_HOME to another place"));
    }
  }
  if (findings.empty()) {
    findings.push_back(ok("directories", paths.state.string()));
  }
  co_return findings;
}

awaitable<Findings> check_permissions(const state::Paths& paths) {
  std::vector<std::string> open;
  for (const fs::path& file : secret_files(paths)) {
    struct stat status{};
    if (::lstat(file.c_str(), &status) == 0 && (status.st_mode & 077U) != 0) {
      open.push_back(file.string());
    }
  }
  Findings findings;
  if (open.empty()) {
    findings.push_back(ok("permissions", "keys and tokens are readable by nobody else"));
  } else {
    findings.push_back(fault("permissions", "others may reach " + first_of(open, ", "),
                             "chmod go= " + first_of(open, " ")));
  }
  co_return findings;
}

awaitable<Findings> check_sockets(const state::Paths& paths) {
  Findings findings;
  const fs::path wanted = wanted_runtime(paths);
  if (!wanted.empty() && wanted != paths.runtime) {
    findings.push_back(
        warning("sockets",
                wanted.string() +
                    " is too long for unix sockets, whose names have 107 bytes: they are in " +
                    paths.runtime.string(),
                paths.rdev_home.empty() ? "a shorter XDG_RUNTIME_DIR" : "a shorter RDEV_HOME"));
  }
  if (auto made = base::make_private_dir(paths.runtime); !made) {
    findings.push_back(fault("sockets", made.error().message,
                             "set XDG_RUNTIME_DIR to a directory of your own, or remove that one"));
    co_return findings;
  }
  const fs::path file = paths.runtime / ("doctor-" + std::to_string(::getpid()));
  const auto listener = base::UnixListener::open(file);  // its file goes with it
  if (!listener) {
    findings.push_back(
        fault("sockets", listener.error().message,
              "set XDG_RUNTIME_DIR to a directory of a file system that has sockets"));
  } else if (findings.empty()) {
    findings.push_back(ok("sockets", paths.runtime.string()));
  }
  co_return findings;
}

awaitable<Findings> check_leftovers(const state::Paths& paths) {
  const state::JobList list = state::list(paths);
  Findings findings;
  for (const Error& broken : list.broken) {
    findings.push_back(fault("leftovers", broken.message,
                             "look what the cluster has (rdev ls --all), then remove that file"));
  }
  std::vector<std::string> begun = list.orphans;
  for (const state::JobRecord& record : list.jobs) {
    if (record.stage != state::Stage::kRunning) {
      begun.push_back(record.name);
    }
  }
  // Whoever is still at it holds the lock.
  std::erase_if(begun, [&](const std::string& name) {
    return !state::lock_job(paths, name, base::LockWait::kTry);
  });
  for (const state::JobRecord& record : state::list_unfinished(paths)) {
    begun.push_back(record.name + " on " + record.cluster);
  }
  if (!begun.empty()) {
    findings.push_back(warning("leftovers", "an rdev was interrupted at " + first_of(begun, ", "),
                               "rdev ls finishes what it had begun"));
  }
  if (findings.empty()) {
    findings.push_back(ok("leftovers", "none of interrupted commands"));
  }
  co_return findings;
}

}  // namespace rdev::commands
