#include "client/sshconfig/include_line.h"

#include <fcntl.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "client/sshconfig/quote.h"
#include "protocol/base/fd.h"
#include "protocol/base/file.h"

namespace rdev::sshconfig {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = 4U << 20U;
constexpr std::string_view kMarker =
    "# The jobs of rdev (rdev ssh-config --uninstall removes these two lines).";

// Lines with their line ends.
std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::size_t length = end == std::string_view::npos ? text.size() : end + 1;
    lines.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return lines;
}

std::string_view trim(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r\n\f";
  const std::size_t first = line.find_first_not_of(kSpace);
  if (first == std::string_view::npos) {
    return {};
  }
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

// Host or Match, in any case, as ssh reads keywords.
bool begins_block(std::string_view line) {
  const std::string_view trimmed = trim(line);
  const std::string keyword(trimmed.substr(0, trimmed.find_first_of(" \t=\"")));
  return ::strcasecmp(keyword.c_str(), "host") == 0 || ::strcasecmp(keyword.c_str(), "match") == 0;
}

Result<base::Fd> lock_dir(const fs::path& dir) {
  base::Fd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return fail_errno("cannot open " + dir.string());
  }
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return fail_errno("cannot lock " + dir.string());
    }
  }
  return fd;
}

struct Config {
  fs::path file;  // where the symbolic links lead
  std::string text;
  mode_t mode = 0600;
};

Result<Config> read_config(const fs::path& config_file) {
  Config config{.file = config_file, .text = {}};
  std::error_code error;
  if (fs::is_symlink(config_file, error)) {
    config.file = fs::weakly_canonical(config_file, error);
    if (error) {
      return fail_errno("cannot follow the link " + config_file.string(), error.value());
    }
  }
  struct stat status{};
  if (::stat(config.file.c_str(), &status) != 0) {
    if (errno == ENOENT) {
      return config;
    }
    return fail_errno("cannot read " + config.file.string());
  }
  auto text = base::read_file(config.file, kMaxConfigBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  config.text = std::move(*text);
  config.mode = status.st_mode & 0777U;
  return config;
}

Result<Change> change(const fs::path& config_file, std::string_view line,
                      std::string (*edit)(std::string_view, std::string_view)) {
  const auto lock = lock_dir(config_file.parent_path());
  if (!lock) {
    return tl::make_unexpected(lock.error());
  }
  const auto config = read_config(config_file);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  const std::string edited = edit(config->text, line);
  if (edited == config->text) {
    return Change::kNone;
  }
  if (auto written = base::write_file_atomic(config->file, edited, config->mode); !written) {
    return tl::make_unexpected(written.error());
  }
  return Change::kChanged;
}

}  // namespace

Result<std::string> include_line(const state::Paths& paths) {
  // The argument is a glob(3) pattern: what is special there is put in brackets.
  std::string pattern;
  for (const char c : (paths.state / "ssh.d").string()) {
    if (c == '*' || c == '?' || c == '[') {
      pattern += std::string("[") + c + "]";
    } else {
      pattern += c;
    }
  }
  auto argument = quote_argument(pattern + "/*.conf");
  if (!argument) {
    return argument;
  }
  return "Include " + *argument;
}

bool has_include(std::string_view config, std::string_view line) {
  for (const std::string_view existing : split_lines(config)) {
    if (begins_block(existing)) {
      return false;
    }
    if (trim(existing) == line) {
      return true;
    }
  }
  return false;
}

std::string add_include(std::string_view config, std::string_view line) {
  if (has_include(config, line)) {
    return std::string(config);
  }
  return std::string(kMarker) + "\n" + std::string(line) + "\n" + remove_include(config, line);
}

std::string remove_include(std::string_view config, std::string_view line) {
  const std::vector<std::string_view> lines = split_lines(config);
  std::string kept;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const bool is_line = trim(lines[i]) == line;
    const bool is_its_marker =
        i + 1 < lines.size() && trim(lines[i]) == kMarker && trim(lines[i + 1]) == line;
    if (!is_line && !is_its_marker) {
      kept += lines[i];
    }
  }
  return kept;
}

Result<fs::path> user_config_file() {
  const auto home = state::home_dir();
  if (!home) {
    return tl::make_unexpected(home.error());
  }
  return *home / ".ssh" / "config";
}

Result<Change> install(const fs::path& config_file, std::string_view line) {
  const fs::path dir = config_file.parent_path();
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("cannot make " + dir.string());
  }
  return change(config_file, line, add_include);
}

Result<Change> uninstall(const fs::path& config_file, std::string_view line) {
  std::error_code error;
  if (!fs::exists(config_file, error)) {
    return Change::kNone;
  }
  return change(config_file, line, remove_include);
}

Result<bool> is_installed(const fs::path& config_file, std::string_view line) {
  const auto config = read_config(config_file);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  return has_include(config->text, line);
}

}  // namespace rdev::sshconfig
