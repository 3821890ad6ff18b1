#include "client/cluster/local/proc.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "protocol/base/file.h"

// glibc 2.36 declares them without extern "C".
extern "C" {
#include <sys/pidfd.h>
}

namespace rdev::cluster {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxStatBytes = 8192;
constexpr std::size_t kMaxEnvironBytes = 4U << 20U;
constexpr pid_t kKernelThreads = 2;  // kthreadd, the parent of the rest
constexpr int kSettleTries = 100;
constexpr timespec kSettlePause{.tv_sec = 0, .tv_nsec = 200'000};

fs::path proc_file(pid_t pid, const char* file) {
  return fs::path("/proc") / std::to_string(pid) / file;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

std::string to_text(const ProcessId& id) {
  return std::to_string(id.pid) + ":" + std::to_string(id.start_ticks);
}

std::optional<ProcessId> parse_process_id(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  const auto pid = number<pid_t>(std::string_view(text).substr(0, colon));
  const auto ticks = number<std::uint64_t>(std::string_view(text).substr(colon + 1));
  if (!pid || !ticks || *pid <= 0) {
    return std::nullopt;
  }
  return ProcessId{.pid = *pid, .start_ticks = *ticks};
}

std::optional<ProcessStat> parse_stat(const std::string& text) {
  // PID (COMMAND) STATE PPID …; COMMAND may hold spaces and parentheses, so the last one counts.
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string::npos || close == std::string::npos) {
    return std::nullopt;
  }
  const auto pid = number<pid_t>(std::string_view(text).substr(0, open));
  std::istringstream fields(text.substr(close + 2));
  ProcessStat stat;
  std::string skipped;
  fields >> stat.state >> stat.parent;
  for (int field = 5; field < 22; ++field) {
    fields >> skipped;
  }
  fields >> stat.id.start_ticks;
  if (!pid || !fields) {
    return std::nullopt;
  }
  for (int field = 23; field < 50; ++field) {
    fields >> skipped;
  }
  fields >> stat.environment_start;
  stat.id.pid = *pid;
  return stat;
}

std::optional<ProcessStat> stat_of(pid_t pid) {
  const auto text = base::read_file(proc_file(pid, "stat"), kMaxStatBytes);
  return text ? parse_stat(*text) : std::nullopt;
}

std::vector<ProcessStat> all_processes() {
  std::vector<ProcessStat> found;
  std::error_code error;
  fs::directory_iterator it("/proc", error);
  for (; !error && it != fs::directory_iterator(); it.increment(error)) {
    if (const auto pid = number<pid_t>(it->path().filename().string())) {
      if (const auto stat = stat_of(*pid); stat && stat->state != 'Z' && stat->state != 'X') {
        found.push_back(*stat);
      }
    }
  }
  return found;
}

std::optional<std::string> find_variable(const std::string& environment, const std::string& name) {
  const std::string prefix = name + "=";
  std::string_view rest = environment;
  while (!rest.empty()) {
    const std::string_view entry = rest.substr(0, rest.find('\0'));
    if (entry.starts_with(prefix)) {
      return std::string(entry.substr(prefix.size()));
    }
    rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
  }
  return std::nullopt;
}

std::optional<std::string> environment_of(pid_t pid) {
  for (int tries = 0;; ++tries) {
    auto block = base::read_file(proc_file(pid, "environ"), kMaxEnvironBytes);
    if (!block) {
      return std::nullopt;
    }
    const auto stat = block->empty() ? stat_of(pid) : std::nullopt;
    const bool between_programs = stat && stat->environment_start == 0 && stat->state != 'Z' &&
                                  pid != kKernelThreads && stat->parent != kKernelThreads;
    if (!between_programs || tries == kSettleTries) {
      return std::move(*block);
    }
    ::nanosleep(&kSettlePause, nullptr);  // nothing tells the end of an execve
  }
}

bool is_alive(const ProcessId& id) {
  const auto stat = stat_of(id.pid);
  return stat && stat->id == id && stat->state != 'Z' && stat->state != 'X';
}

base::Fd open_process(const ProcessId& id) {
  base::Fd fd(::pidfd_open(id.pid, 0));
  // Only now is the number pinned: it may have been another process's when pidfd_open saw it.
  return fd && is_alive(id) ? std::move(fd) : base::Fd();
}

Result<void> send_signal(const ProcessId& id, int signal) {
  const base::Fd fd = open_process(id);
  if (!fd || ::pidfd_send_signal(fd.get(), signal, nullptr, 0) == 0 || errno == ESRCH) {
    return {};
  }
  return fail_errno("cannot send signal " + std::to_string(signal) + " to process " +
                    std::to_string(id.pid));
}

std::int64_t started_unix_s(const ProcessId& id) {
  timespec since_boot{};
  ::clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const auto started = static_cast<std::int64_t>(id.start_ticks) / ::sysconf(_SC_CLK_TCK);
  return std::time(nullptr) - since_boot.tv_sec + started;
}

}  // namespace rdev::cluster
