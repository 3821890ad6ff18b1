#include "agent/process/accounts.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>

#include "protocol/base/file.h"

namespace rdev::process {
namespace {

// `lookup` is getpwnam_r or getpwuid_r with its key bound; the buffer grows until the entry fits.
std::optional<Account> find(
    const std::function<int(passwd*, char*, std::size_t, passwd**)>& lookup) {
  std::vector<char> buffer(4096);
  passwd entry{};
  passwd* found = nullptr;
  while (lookup(&entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < (std::size_t{1} << 20)) {
    buffer.resize(buffer.size() * 2);
  }
  if (found == nullptr) {
    return std::nullopt;
  }
  return Account{.name = entry.pw_name,
                 .uid = entry.pw_uid,
                 .gid = entry.pw_gid,
                 .home = entry.pw_dir,
                 .shell = entry.pw_shell,
                 .has_entry = true};
}

bool can_write(const std::string& directory) {
  return !directory.empty() && directory.front() == '/' &&
         ::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

bool can_run(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0;
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Shell shell_at(const std::string& path) {
  const std::string name = base_name(path);
  return Shell{.path = path, .name = name == "busybox" ? "sh" : name};
}

}  // namespace

std::optional<Account> find_account(const std::string& name) {
  return find([&](passwd* entry, char* buffer, std::size_t size, passwd** found) {
    return ::getpwnam_r(name.c_str(), entry, buffer, size, found);
  });
}

Account own_account(const Environment& job) {
  const uid_t uid = ::geteuid();
  auto entry = find([&](passwd* into, char* buffer, std::size_t size, passwd** found) {
    return ::getpwuid_r(uid, into, buffer, size, found);
  });
  if (entry) {
    return *std::move(entry);
  }
  Account account;
  account.name = job.get("USER").value_or("");
  account.uid = uid;
  account.gid = ::getegid();
  if (account.name.empty()) {
    account.name = "rdev";
  }
  return account;
}

std::optional<Account> login_account(const std::string& name, const Account& own) {
  if (name == own.name || name == "rdev") {
    return own;
  }
  return own.uid == 0 ? find_account(name) : std::nullopt;
}

std::vector<gid_t> groups_of(const Account& account) {
  int count = 64;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  while (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
  }
  groups.resize(static_cast<std::size_t>(count));
  return groups;
}

std::string choose_home(const Account& account, const HomeRule& rule) {
  if (!rule.own) {
    return account.home.empty() ? "/" : account.home;
  }
  if (can_write(account.home)) {
    return account.home;
  }
  if (can_write(rule.job_home)) {
    return rule.job_home;
  }
  // A fallback that cannot be made is no error: the session starts in an unwritable home.
  if (!rule.fallback.empty() && base::make_private_dir(rule.fallback) && can_write(rule.fallback)) {
    return rule.fallback;
  }
  if (!account.home.empty()) {
    return account.home;
  }
  return rule.job_home.empty() ? "/" : rule.job_home;
}

std::optional<Shell> choose_shell(const Account& account, bool own, const std::string& path) {
  const std::string entry = base_name(account.shell);
  const bool locked = own && (entry == "nologin" || entry == "false");
  if (!locked && can_run(account.shell)) {
    return shell_at(account.shell);
  }
  static constexpr std::array<const char*, 3> kShells{"bash", "sh", "busybox"};
  for (const char* name : kShells) {
    for (const std::string& candidate : candidates(name, path)) {
      if (candidate.front() == '/' && can_run(candidate)) {
        return shell_at(candidate);
      }
    }
  }
  return std::nullopt;
}

}  // namespace rdev::process
