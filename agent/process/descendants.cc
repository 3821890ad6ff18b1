#include "agent/process/descendants.h"

#include <unistd.h>

#include <charconv>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "protocol/base/file.h"

namespace rdev::process {
namespace {

constexpr std::size_t kMaxStat = 8192;

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

// The field after the state, proc(5); the name before may hold spaces and parentheses.
std::optional<pid_t> parent_of(const std::filesystem::path& directory) {
  const auto stat = base::read_file(directory / "stat", kMaxStat);
  if (!stat) {
    return std::nullopt;  // it has ended meanwhile
  }
  const std::size_t name_end = stat->rfind(')');
  if (name_end == std::string::npos || stat->size() < name_end + 5) {
    return std::nullopt;
  }
  return number<pid_t>(std::string_view(*stat).substr(name_end + 4));
}

std::multimap<pid_t, pid_t> children_by_parent() {
  std::multimap<pid_t, pid_t> children;
  std::error_code error;
  for (std::filesystem::directory_iterator it("/proc", error), end; !error && it != end;
       it.increment(error)) {
    const auto pid = number<pid_t>(it->path().filename().native());
    const auto parent = pid ? parent_of(it->path()) : std::nullopt;
    if (parent) {
      children.emplace(*parent, *pid);
    }
  }
  return children;
}

}  // namespace

std::vector<pid_t> descendants() {
  const auto children = children_by_parent();
  std::vector<pid_t> found{::getpid()};
  for (std::size_t next = 0; next < found.size(); ++next) {
    const auto [first, last] = children.equal_range(found[next]);
    for (auto it = first; it != last; ++it) {
      found.push_back(it->second);
    }
  }
  found.erase(found.begin());
  return found;
}

void signal_descendants(int number) {
  for (const pid_t pid : descendants()) {
    // ESRCH: it has ended meanwhile. Ours all, so the number is not another's.
    (void)::kill(pid, number);
  }
}

}  // namespace rdev::process
