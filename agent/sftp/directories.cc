#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <ctime>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

// As many as OpenSSH sends. With names of 255 bytes that is a third of a packet.
constexpr std::uint32_t kEntriesPerReply = 100;

enum class Listed { kYes, kGone };

Listed add_entry(Session& session, int directory, const char* name, time_t now) {
  struct stat status{};
  if (::fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
    session.out.string(name);
    session.out.string(long_name(name, status, session.names, now));
    session.out.attributes(status);
    return Listed::kYes;
  }
  if (errno == ENOENT) {
    return Listed::kGone;
  }
  session.out.string(name);  // it is there, but we may not look (a dead mount, an ACL)
  session.out.string(std::string("?????????? ") + name);
  session.out.no_attributes();
  return Listed::kYes;
}

}  // namespace

Outcome opendir(Session& session, const Path& path) {
  if (session.handles.full()) {
    return Outcome::from_errno(EMFILE);
  }
  DIR* const directory = ::opendir(path.c_str());
  if (directory == nullptr) {
    return Outcome::from_errno();
  }
  session.out.begin(Type::kHandle, session.id);
  session.out.string(session.handles.add(directory));
  session.out.end();
  return Outcome::replied();
}

Outcome readdir(Session& session, Handle handle) {
  DIR* const directory = session.handles.directory(handle);
  if (directory == nullptr) {
    return Outcome::no_handle();
  }
  // The first entry is read before the reply is begun, since there may be none.
  errno = 0;
  const dirent* entry = ::readdir(directory);
  if (entry == nullptr) {
    return errno == 0 ? Outcome::end_of_file() : Outcome::from_errno();
  }
  const time_t now = std::time(nullptr);
  session.out.begin(Type::kName, session.id);
  const std::size_t count_at = session.out.u32_later();
  std::uint32_t count = 0;
  while (entry != nullptr) {
    if (add_entry(session, session.handles.fd(handle), entry->d_name, now) == Listed::kYes) {
      ++count;
    }
    // An error now is an error again at the next call, which has no entries to send before it.
    entry = count < kEntriesPerReply ? ::readdir(directory) : nullptr;
  }
  session.out.u32_at(count_at, count);
  session.out.end();
  return Outcome::replied();
}

Outcome mkdir(Session&, const Path& path, const Attributes& attributes) {
  return Outcome::of_call(::mkdir(path.c_str(), attributes.permissions.value_or(0777) & 07777));
}

Outcome rmdir(Session&, const Path& path) { return Outcome::of_call(::rmdir(path.c_str())); }

}  // namespace rdev::sftp
