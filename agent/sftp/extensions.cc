#include <sys/statvfs.h>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

// OpenSSH's PROTOCOL, section 4.4.
constexpr std::uint64_t kReadOnly = 1;
constexpr std::uint64_t kNoSetuid = 2;

Outcome reply(Session& session, const struct statvfs& status) {
  Output& out = session.out;
  out.begin(Type::kExtendedReply, session.id);
  out.u64(status.f_bsize);
  out.u64(status.f_frsize);
  out.u64(status.f_blocks);
  out.u64(status.f_bfree);
  out.u64(status.f_bavail);
  out.u64(status.f_files);
  out.u64(status.f_ffree);
  out.u64(status.f_favail);
  out.u64(status.f_fsid);
  out.u64((status.f_flag & ST_RDONLY ? kReadOnly : 0) |
          (status.f_flag & ST_NOSUID ? kNoSetuid : 0));
  out.u64(status.f_namemax);
  out.end();
  return Outcome::replied();
}

// A string that is itself a list: a name for each id.
template <class NameOf>
void add_names(Output& out, std::string_view ids, NameOf name_of) {
  const std::size_t size_at = out.u32_later();
  const std::size_t begin = out.pending().size();
  for (Reader in(ids); !in.empty();) {
    out.string(name_of(in.get<std::uint32_t>()));
  }
  out.u32_at(size_at, static_cast<std::uint32_t>(out.pending().size() - begin));
}

}  // namespace

Outcome limits(Session& session) {
  Output& out = session.out;
  out.begin(Type::kExtendedReply, session.id);
  out.u64(kMaxPacket);
  out.u64(kMaxData);
  out.u64(kMaxData);
  out.u64(session.handles.limit());
  out.end();
  return Outcome::replied();
}

Outcome statvfs(Session& session, const Path& path) {
  struct statvfs status{};
  return ::statvfs(path.c_str(), &status) == 0 ? reply(session, status) : Outcome::from_errno();
}

Outcome fstatvfs(Session& session, Handle handle) {
  const int file = session.handles.fd(handle);
  if (file < 0) {
    return Outcome::no_handle();
  }
  struct statvfs status{};
  return ::fstatvfs(file, &status) == 0 ? reply(session, status) : Outcome::from_errno();
}

Outcome users_groups_by_id(Session& session, std::string_view uids, std::string_view gids) {
  if (uids.size() % 4 != 0 || gids.size() % 4 != 0) {
    return Outcome::failed(Status::kBadMessage, "a list of ids ends within an id");
  }
  Output& out = session.out;
  out.begin(Type::kExtendedReply, session.id);
  add_names(out, uids, [&session](std::uint32_t id) { return session.names.user(id); });
  add_names(out, gids, [&session](std::uint32_t id) { return session.names.group(id); });
  out.end();
  return Outcome::replied();
}

}  // namespace rdev::sftp
