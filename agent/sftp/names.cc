#include "agent/sftp/names.h"

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace rdev::sftp {
namespace {

constexpr std::size_t kCached = 4096;
constexpr time_t kHalfYear = 365 * 86400 / 2;

char type_letter(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return 'd';
    case S_IFLNK:
      return 'l';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    case S_IFIFO:
      return 'p';
    case S_IFSOCK:
      return 's';
    default:
      return '-';
  }
}

std::string mode_letters(mode_t mode) {
  std::string text{type_letter(mode)};
  for (int shift = 6; shift >= 0; shift -= 3) {
    text += mode >> shift & 4 ? 'r' : '-';
    text += mode >> shift & 2 ? 'w' : '-';
    text += mode >> shift & 1 ? 'x' : '-';
  }
  const auto special = [&text](std::size_t at, char letter) {
    text[at] = static_cast<char>(text[at] == 'x' ? letter : letter - ('a' - 'A'));
  };
  if (mode & S_ISUID) {
    special(3, 's');
  }
  if (mode & S_ISGID) {
    special(6, 's');
  }
  if (mode & S_ISVTX) {
    special(9, 't');
  }
  return text;
}

std::string date(time_t time, time_t now) {
  struct tm parts{};
  if (::localtime_r(&time, &parts) == nullptr) {
    return std::to_string(time);
  }
  const bool recent = time > now - kHalfYear && time <= now + 3600;
  char text[32];
  const std::size_t size =
      std::strftime(text, sizeof text, recent ? "%b %e %H:%M" : "%b %e  %Y", &parts);
  return {text, size};
}

std::string or_number(const std::string& name, std::uint32_t id) {
  return name.empty() ? std::to_string(id) : name;
}

}  // namespace

const std::string& Names::user(std::uint32_t uid) {
  if (users_.size() >= kCached) {
    users_.clear();
  }
  const auto [entry, is_new] = users_.try_emplace(uid);
  if (is_new) {
    if (const auto* const found = ::getpwuid(uid)) {
      entry->second = found->pw_name;
    }
  }
  return entry->second;
}

const std::string& Names::group(std::uint32_t gid) {
  if (groups_.size() >= kCached) {
    groups_.clear();
  }
  const auto [entry, is_new] = groups_.try_emplace(gid);
  if (is_new) {
    if (const auto* const found = ::getgrgid(gid)) {
      entry->second = found->gr_name;
    }
  }
  return entry->second;
}

std::string home_of(const std::string& user) {
  const char* const home = std::getenv("HOME");
  if (user.empty() && home != nullptr && *home != '\0') {
    return home;
  }
  const auto* const found = user.empty() ? ::getpwuid(::geteuid()) : ::getpwnam(user.c_str());
  return found != nullptr ? found->pw_dir : "";
}

std::string long_name(std::string_view name, const struct stat& status, Names& names, time_t now) {
  const auto user = or_number(names.user(status.st_uid), status.st_uid);
  const auto group = or_number(names.group(status.st_gid), status.st_gid);
  char columns[160];  // longer names of users are cut
  std::snprintf(columns, sizeof columns, "%s %3llu %-8.32s %-8.32s %8lld %s ",
                mode_letters(status.st_mode).c_str(),
                static_cast<unsigned long long>(status.st_nlink), user.c_str(), group.c_str(),
                static_cast<long long>(status.st_size), date(status.st_mtime, now).c_str());
  return columns + std::string(name);
}

}  // namespace rdev::sftp
