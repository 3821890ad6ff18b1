#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rdev::process {

// An ordered set of "NAME=VALUE" strings, as execve(2) takes them.
class Environment final {
 public:
  Environment() = default;
  explicit Environment(std::vector<std::string> entries) : entries_(std::move(entries)) {}
  // A copy of this process's own, entry for entry.
  static Environment current();

  std::optional<std::string> get(std::string_view name) const;
  // Replaces what is there. A name that is empty or holds '=' or NUL, or a value that holds NUL,
  // is not an environment entry and is left out.
  void set(std::string_view name, std::string_view value);
  void unset(std::string_view name);

  const std::vector<std::string>& entries() const { return entries_; }

 private:
  std::vector<std::string> entries_;
};

// PATH where the job has none: what Docker gives a container.
inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Where execvp(3) would look for `program`: itself when it has a slash, else each directory of
// `path` (an empty one is ".").
std::vector<std::string> candidates(std::string_view program, std::string_view path);

// Whether one of them is a file that may be executed.
bool has_program(std::string_view program, std::string_view path);

}  // namespace rdev::process
