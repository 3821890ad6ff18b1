#include "agent/vitals/vitals.h"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/file.h"

namespace rdev::vitals {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;

struct Version {
  const char* mount;  // where every container has it
  const char* limit;
  const char* used;
  const char* cache;  // in memory.stat: file pages that nobody has used for a while
};
constexpr Version kV1{.mount = "sys/fs/cgroup/memory",
                      .limit = "memory.limit_in_bytes",
                      .used = "memory.usage_in_bytes",
                      .cache = "total_inactive_file"};
constexpr Version kV2{.mount = "sys/fs/cgroup",
                      .limit = "memory.max",
                      .used = "memory.current",
                      .cache = "inactive_file"};

struct Group {
  Version version;
  std::string path;  // below the mount, if that shows the whole tree
};

// The number that `text` begins with.
std::optional<std::uint64_t> number(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> number_in(const fs::path& file) {
  const auto text = base::read_file(file, kMaxFile);
  return text ? number(*text) : std::nullopt;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

// The number of the line "KEY NUMBER".
std::optional<std::uint64_t> number_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with(key) && line.size() > key.size() &&
        (line[key.size()] == ' ' || line[key.size()] == '\t')) {
      return number(line.substr(key.size()));
    }
  }
  return std::nullopt;
}

bool has_word(std::string_view list, std::string_view word) {
  return ("," + std::string(list) + ",").find("," + std::string(word) + ",") != std::string::npos;
}

// cgroups(7): "4:memory:/docker/1234" (v1) goes before "0::/" (v2, which then has no controllers).
std::optional<Group> own_group(const fs::path& root) {
  const auto text = base::read_file(root / "proc/self/cgroup", kMaxFile);
  std::optional<Group> found;
  for (std::string_view rest = text ? std::string_view(*text) : ""; !rest.empty();) {
    const std::string_view line = take_line(rest);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) {
      continue;
    }
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const std::string path(line.substr(second + 1));
    if (has_word(controllers, "memory")) {
      return Group{.version = kV1, .path = path};
    }
    if (line.starts_with("0::")) {
      found = Group{.version = kV2, .path = path};
    }
  }
  return found;
}

std::uint64_t used_of(const fs::path& group, const Version& version) {
  const std::uint64_t used = number_in(group / version.used).value_or(0);
  const auto stat = base::read_file(group / "memory.stat", kMaxFile);
  const std::uint64_t cache = stat ? number_of(*stat, version.cache).value_or(0) : 0;
  return used > cache ? used - cache : 0;
}

// From the own group up to the mount. In a container that is often the own group itself, while the
// path is the one outside: what is not there is passed over.
std::optional<Memory> memory_of(const Group& group, const fs::path& root, std::uint64_t total) {
  const fs::path mount = root / group.version.mount;
  fs::path below = fs::path(group.path).relative_path();
  for (const fs::path& part : below) {
    if (part == "..") {  // outside of what is mounted
      below.clear();
      break;
    }
  }
  std::optional<fs::path> tightest;
  std::uint64_t least = total;
  for (;;) {
    const auto limit = number_in(mount / below / group.version.limit);
    if (limit && *limit < least) {
      least = *limit;
      tightest = mount / below;
    }
    if (below.empty()) {
      break;
    }
    below = below.parent_path();
  }
  if (!tightest) {
    return std::nullopt;
  }
  return Memory{.used = used_of(*tightest, group.version), .limit = least};
}

}  // namespace

Memory memory(const fs::path& root) {
  constexpr std::uint64_t kUnit = 1024;
  const auto text = base::read_file(root / "proc/meminfo", kMaxFile);
  const std::uint64_t total = text ? number_of(*text, "MemTotal:").value_or(0) * kUnit : 0;
  const auto group = own_group(root);
  if (group) {
    if (const auto limited = memory_of(*group, root, total != 0 ? total : UINT64_MAX)) {
      return *limited;
    }
  }
  const std::uint64_t available = text ? number_of(*text, "MemAvailable:").value_or(0) * kUnit : 0;
  return {.used = total > available ? total - available : 0, .limit = total};
}

double load(const fs::path& root) {
  const auto text = base::read_file(root / "proc/loadavg", kMaxFile);
  return text ? std::strtod(text->c_str(), nullptr) : 0;
}

Vitals read() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Vitals vitals;
  vitals.set_time_unix_ms(static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
  vitals.set_load(load());
  const Memory now_used = memory();
  vitals.set_memory_used(now_used.used);
  vitals.set_memory_limit(now_used.limit);
  return vitals;
}

}  // namespace rdev::vitals
