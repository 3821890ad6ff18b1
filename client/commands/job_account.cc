#include "client/commands/job_account.h"

#include <algorithm>
#include <charconv>

namespace rdev::commands {
namespace {

constexpr unsigned kDacOverride = 1;      // capabilities(7), the bit's number
constexpr std::size_t kFilesystemId = 3;  // of "Uid:" and "Gid:": real, effective, saved, this

std::vector<std::string_view> words_of(std::string_view line, std::string_view separators) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t end = std::min(line.find_first_of(separators), line.size());
    if (end > 0) {
      words.push_back(line.substr(0, end));
    }
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

template <class T>
T number(std::string_view text, int base = 10) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// Whether `path` is `directory` or below it.
bool is_below(std::string_view path, std::string_view directory) {
  if (directory == "/") {
    return true;
  }
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

JobAccount parse_account(std::string_view status) {
  JobAccount account;
  for (const std::string_view line : words_of(status, "\n")) {
    const auto words = words_of(line, " \t");
    if (words.empty()) {
      continue;
    }
    if (words[0] == "Uid:" && words.size() > kFilesystemId + 1) {
      account.uid = number<std::uint32_t>(words[kFilesystemId + 1]);
    } else if (words[0] == "Gid:" && words.size() > kFilesystemId + 1) {
      account.gid = number<std::uint32_t>(words[kFilesystemId + 1]);
    } else if (words[0] == "Groups:") {
      for (std::size_t i = 1; i < words.size(); ++i) {
        account.groups.push_back(number<std::uint32_t>(words[i]));
      }
    } else if (words[0] == "CapEff:" && words.size() > 1) {
      account.overrides = (number<std::uint64_t>(words[1], 16) >> kDacOverride & 1U) != 0;
    }
  }
  return account;
}

bool may(const JobAccount& account, const sftp::Attributes& file, std::uint32_t rwx) {
  if (account.overrides || !file.mode || !file.uid || !file.gid) {
    return true;
  }
  const bool in_group =
      *file.gid == account.gid ||
      std::find(account.groups.begin(), account.groups.end(), *file.gid) != account.groups.end();
  const unsigned shift = *file.uid == account.uid ? 6 : in_group ? 3 : 0;
  return (*file.mode >> shift & rwx) == rwx;
}

std::string mount_options(std::string_view mountinfo, std::string_view path) {
  constexpr std::size_t kPoint = 4;
  constexpr std::size_t kOptions = 5;
  std::string_view point;
  std::string options;
  for (const std::string_view line : words_of(mountinfo, "\n")) {
    const auto words = words_of(line, " ");
    // One that is mounted later on the same point covers the earlier one.
    if (words.size() > kOptions && is_below(path, words[kPoint]) &&
        words[kPoint].size() >= point.size()) {
      point = words[kPoint];
      options = words[kOptions];
    }
  }
  return options;
}

bool has_option(std::string_view options, std::string_view option) {
  const auto all = words_of(options, ",");
  return std::find(all.begin(), all.end(), option) != all.end();
}

}  // namespace rdev::commands
