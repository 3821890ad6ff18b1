#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

constexpr int kMostLinks = 40;  // as the kernel

Outcome reply(Session& session, std::string_view path) {
  session.out.begin(Type::kName, session.id);
  session.out.u32(1);
  session.out.string(path);
  session.out.string(path);
  session.out.no_attributes();
  session.out.end();
  return Outcome::replied();
}

// Empty on failure, with errno set.
std::string existing_realpath(const std::string& path) {
  struct Free {
    void operator()(char* text) const { ::free(text); }
  };
  const std::unique_ptr<char, Free> resolved(::realpath(path.c_str(), nullptr));
  return resolved ? resolved.get() : "";
}

struct Split {
  std::string parent;  // with its slash, or "." for none
  std::string last;
};

Split split(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

// realpath(3), except that the last component may be missing. Empty on failure, with errno set.
std::string resolve(std::string path) {
  for (int links = 0; links < kMostLinks; ++links) {
    auto whole = existing_realpath(path);
    if (!whole.empty() || errno != ENOENT) {
      return whole;
    }
    const auto [parent, last] = split(path);
    auto directory = existing_realpath(parent);
    if (directory.empty()) {
      return directory;
    }
    if (directory.back() != '/') {
      directory += '/';
    }
    char target[PATH_MAX];
    const ssize_t size = ::readlink((directory + last).c_str(), target, sizeof target);
    if (size < 0) {
      return directory + last;
    }
    // A link to what is not there: the target's name is the answer.
    const std::string name(target, static_cast<std::size_t>(size));
    path = name.starts_with('/') ? name : directory + name;
  }
  errno = ELOOP;
  return {};
}

}  // namespace

Outcome realpath(Session& session, const Path& path) {
  const auto resolved = resolve(path.bytes.empty() ? "." : path.bytes);
  return resolved.empty() ? Outcome::from_errno() : reply(session, resolved);
}

Outcome expand_path(Session& session, const Path& path) {
  if (!path.bytes.starts_with('~')) {
    return realpath(session, path);
  }
  const auto slash = path.bytes.find('/');
  const auto user = path.bytes.substr(1, slash == std::string::npos ? slash : slash - 1);
  const auto home = home_of(user);
  if (home.empty()) {
    return Outcome::failed(Status::kNoSuchFile, "~" + user + " has no home directory");
  }
  return realpath(session, {home + (slash == std::string::npos ? "" : path.bytes.substr(slash))});
}

Outcome home_directory(Session& session, const Path& user) {
  const auto home = home_of(user.bytes);
  return home.empty()
             ? Outcome::failed(Status::kNoSuchFile, "~" + user.bytes + " has no home directory")
             : reply(session, home);
}

}  // namespace rdev::sftp
