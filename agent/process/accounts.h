#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/process/environment.h"
#include "protocol/base/result.h"

namespace rdev::process {

// A user as a session needs it.
struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::string home, shell;  // of the passwd entry; may be empty
  bool has_entry = false;
};

// The passwd entry of `name`; nothing when there is none.
std::optional<Account> find_account(const std::string& name);

// The user that this process runs as, with or without a passwd entry. Without one its name is
// the job's $USER, else "rdev".
Account own_account(const Environment& job);

// Whom a login name means: the agent's own user by its name or as "rdev", and any passwd user when
// the agent is root. Nothing for everybody else.
std::optional<Account> login_account(const std::string& name, const Account& own);

// The groups that initgroups(3) would set.
std::vector<gid_t> groups_of(const Account& account);

struct HomeRule {
  bool own = true;       // the account is the agent's own
  std::string job_home;  // $HOME of the job
  std::string fallback;  // empty: there is none
};

// The passwd entry's home. For the agent's own user the first of these that can be written: the
// passwd entry's, the job's, the fallback (made with mode 0700); when none can, the first that is
// named, else "/".
std::string choose_home(const Account& account, const HomeRule& rule);

struct Shell {
  std::string path;
  std::string name;  // argv[0]: "bash", for busybox "sh"
};

// The passwd entry's shell, else the first of bash, sh, busybox in `path` (as $PATH). The agent's
// own user gets a real shell also where its entry says nologin or false, as `docker exec` gives it.
// Nothing when the image has no shell.
std::optional<Shell> choose_shell(const Account& account, bool own, const std::string& path);

}  // namespace rdev::process
