#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <system_error>

#include "client/carrier/child.h"
#include "client/commands/doctor.h"
#include "client/sshconfig/entry.h"
#include "client/sshconfig/include_line.h"
#include "client/state/job_record.h"
#include "protocol/base/file.h"
#include "protocol/stream/socket_stream.h"

namespace rdev::commands {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxSaid = 4096;
constexpr std::size_t kMaxConfigBytes = 4U << 20U;
constexpr char kOwnSsh[] = "rdev exec, rdev ssh and rdev forward need none";

std::optional<fs::path> in_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const std::size_t end = rest.find(':');
    fs::path file = fs::path(rest.substr(0, end)) / program;
    std::error_code error;
    if (fs::is_regular_file(file, error) && ::access(file.c_str(), X_OK) == 0) {
      return file;
    }
    rest.erase(0, end == std::string::npos ? end : end + 1);
  }
  return std::nullopt;
}

// The first line of what a program prints.
awaitable<Result<std::string>> first_line_of(std::vector<std::string> argv) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return fail_errno("cannot run " + argv[0]);
  }
  base::Fd ours(ends[0]);
  base::Fd its(ends[1]);
  const auto child = carrier::Child::spawn(argv, its.get(), its.get(), its.get());
  if (!child) {
    co_return tl::make_unexpected(child.error());
  }
  its.reset();
  stream::SocketStream output(co_await asio::this_coro::executor, std::move(ours));
  std::string text;
  std::string piece(kMaxSaid, '\0');
  while (text.find('\n') == std::string::npos && text.size() < kMaxSaid) {
    const auto n = co_await output.read(asio::buffer(piece));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      break;
    }
    text.append(piece, 0, *n);
  }
  co_return text.substr(0, text.find('\n'));
}

// The other programs that OpenSSH and its friends bring: what is missing is nobody's fault.
Finding copying_programs() {
  std::string found;
  std::string missing;
  for (const char* name : {"scp", "sftp", "rsync"}) {
    std::string& list = in_path(name) ? found : missing;
    list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return info("copying", (found.empty() ? "" : "found: " + found) +
                             (found.empty() || missing.empty() ? "" : "; ") +
                             (missing.empty() ? "" : "not found: " + missing));
}

Finding of_config_file(const fs::path& file, const std::string& line) {
  const auto installed = sshconfig::is_installed(file, line);
  if (!installed) {
    return fault("ssh configuration", installed.error().message,
                 "make it a file that you can read");
  }
  if (*installed) {
    return ok("ssh configuration", file.string() + " includes the jobs: ssh rdev-NAME works");
  }
  const auto text = base::read_file(file, kMaxConfigBytes);
  if (text && text->find(line) != std::string::npos) {
    return fault("ssh configuration",
                 "the Include line of rdev in " + file.string() +
                     " stands behind a Host or Match, so it counts only there",
                 "rdev ssh-config --install puts it first");
  }
  return warning("ssh configuration", file.string() + " does not include the jobs",
                 "rdev ssh-config --install, for ssh, scp and editors; " + std::string(kOwnSsh));
}

}  // namespace

awaitable<Findings> check_ssh() {
  Findings findings;
  const auto program = in_path("ssh");
  if (!program) {
    findings.push_back(
        warning("ssh", "there is no ssh in the PATH",
                "install an OpenSSH client, for editors and scp; " + std::string(kOwnSsh)));
  } else if (const auto version = co_await first_line_of({program->string(), "-V"});
             version && version->find("SSH") != std::string::npos) {
    findings.push_back(ok("ssh", *version + " (" + program->string() + ")"));
  } else {
    findings.push_back(fault("ssh",
                             program->string() + " -V does not tell a version" +
                                 (version ? "" : ": " + version.error().message),
                             "install an OpenSSH client, or put it first in the PATH"));
  }
  findings.push_back(copying_programs());
  co_return findings;
}

awaitable<Findings> check_ssh_config(const state::Paths& paths) {
  Findings findings;
  const auto line = sshconfig::include_line(paths);
  const auto file = sshconfig::user_config_file();
  if (!line || !file) {
    findings.push_back(fault("ssh configuration", (line ? file.error() : line.error()).message,
                             "set HOME and RDEV_HOME to plain absolute paths"));
  } else {
    findings.push_back(of_config_file(*file, *line));
  }
  co_return findings;
}

awaitable<Findings> check_ssh_entries(const state::Paths& paths) {
  const state::JobList jobs = state::list(paths);
  std::set<std::string> known;
  for (const state::JobRecord& job : jobs.jobs) {
    known.insert(job.name);
  }
  std::set<std::string> entered;
  std::string stale;
  std::error_code error;
  for (fs::directory_iterator it(paths.state / "ssh.d", error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    const std::string name = it->path().stem().string();
    if (it->path().extension() != ".conf") {
      continue;
    }
    entered.insert(name);
    if (!known.contains(name)) {
      stale += " " + it->path().string();
    }
  }
  std::string missing;
  for (const state::JobRecord& job : jobs.jobs) {
    if (job.stage == state::Stage::kRunning && !entered.contains(job.name)) {
      missing += (missing.empty() ? "" : " ") + job.name;
    }
  }
  Findings findings;
  if (!stale.empty()) {
    findings.push_back(
        warning("ssh entries", "of jobs that are not known here:" + stale, "rm" + stale));
  } else if (!missing.empty()) {
    findings.push_back(warning(
        "ssh entries", "missing for " + missing,
        "rdev up " + missing.substr(0, missing.find(' ')) + " joins the job again and writes it"));
  } else {
    findings.push_back(ok("ssh entries", std::to_string(entered.size()) + ", all of known jobs"));
  }
  co_return findings;
}

}  // namespace rdev::commands
