#include "agent/sftp/dispatch.h"

#include <tuple>
#include <type_traits>

namespace rdev::sftp {
namespace {

// A handler whose arguments are taken from a packet. nullopt: the packet lacks some. Without a
// session it is only decoded.
using Handler = std::optional<Outcome> (*)(Session*, Reader&);

template <auto function, class... Fields>
std::optional<Outcome> call(Session* session, Reader& in, Outcome (*)(Session&, Fields...)) {
  const std::tuple<std::remove_cvref_t<Fields>...> fields{
      in.get<std::remove_cvref_t<Fields>>()...};  // braces: evaluated from left to right
  if (!in.good()) {
    return std::nullopt;
  }
  if (session == nullptr) {
    return Outcome::ok();
  }
  return std::apply([session](const auto&... field) { return function(*session, field...); },
                    fields);
}

template <auto function>
std::optional<Outcome> handler(Session* session, Reader& in) {
  return call<function>(session, in, function);
}

struct Request {
  Type type;
  Handler handle;
};

struct Extension {
  std::string_view name;
  std::string_view version;
  Handler handle;
};

constexpr Request kRequests[] = {
    {Type::kOpen, handler<open>},         {Type::kClose, handler<close>},
    {Type::kRead, handler<read>},         {Type::kWrite, handler<write>},
    {Type::kLstat, handler<lstat>},       {Type::kFstat, handler<fstat>},
    {Type::kSetstat, handler<setstat>},   {Type::kFsetstat, handler<fsetstat>},
    {Type::kOpendir, handler<opendir>},   {Type::kReaddir, handler<readdir>},
    {Type::kRemove, handler<remove>},     {Type::kMkdir, handler<mkdir>},
    {Type::kRmdir, handler<rmdir>},       {Type::kRealpath, handler<realpath>},
    {Type::kStat, handler<stat>},         {Type::kRename, handler<rename>},
    {Type::kReadlink, handler<readlink>}, {Type::kSymlink, handler<symlink>},
};

// OpenSSH's PROTOCOL, section 4, and draft-ietf-secsh-filexfer-extensions-00 for those without @.
constexpr Extension kExtensions[] = {
    {"posix-rename@openssh.com", "1", handler<posix_rename>},
    {"statvfs@openssh.com", "2", handler<statvfs>},
    {"fstatvfs@openssh.com", "2", handler<fstatvfs>},
    {"hardlink@openssh.com", "1", handler<hardlink>},
    {"fsync@openssh.com", "1", handler<fsync>},
    {"lsetstat@openssh.com", "1", handler<lsetstat>},
    {"limits@openssh.com", "1", handler<limits>},
    {"expand-path@openssh.com", "1", handler<expand_path>},
    {"copy-data", "1", handler<copy_data>},
    {"home-directory", "1", handler<home_directory>},
    {"users-groups-by-id@openssh.com", "1", handler<users_groups_by_id>},
};

Handler find(Type type, Reader& in) {
  if (type == Type::kExtended) {
    const auto name = in.get<std::string_view>();
    for (const auto& extension : kExtensions) {
      if (extension.name == name) {
        return extension.handle;
      }
    }
    return nullptr;
  }
  for (const auto& request : kRequests) {
    if (request.type == type) {
      return request.handle;
    }
  }
  return nullptr;
}

void send_version(Output& out) {
  out.begin(Type::kVersion);
  out.u32(3);
  for (const auto& extension : kExtensions) {
    out.string(extension.name);
    out.string(extension.version);
  }
  out.end();
}

tl::unexpected<Error> truncated(Type type) {
  return fail(Code::kProtocol,
              "a request of type " + std::to_string(static_cast<int>(type)) +
                  " lacks some of its fields, or has a path with a NUL byte in it");
}

// `session` is null when the packet is only decoded.
Result<void> run(Session* session, std::string_view packet) {
  Reader in(packet);
  const auto type = static_cast<Type>(in.get<std::uint8_t>());
  const auto id = in.get<std::uint32_t>();  // INIT: the client's version; ours is 3 in any case
  if (!in.good()) {
    return truncated(type);
  }
  if (type == Type::kInit) {
    if (session != nullptr) {
      send_version(session->out);
    }
    return {};
  }
  const Handler handle = find(type, in);
  if (!in.good()) {
    return truncated(type);
  }
  if (session != nullptr) {
    session->id = id;
  }
  const auto outcome =
      handle != nullptr
          ? handle(session, in)
          : Outcome::failed(Status::kOpUnsupported, "this server does not know that request");
  if (!outcome) {
    return truncated(type);
  }
  if (session != nullptr && !outcome->has_replied()) {
    session->out.status(id, outcome->code(), outcome->message());
  }
  return {};
}

}  // namespace

Result<void> dispatch(Session& session, std::string_view packet) { return run(&session, packet); }

Result<void> decode(std::string_view packet) { return run(nullptr, packet); }

}  // namespace rdev::sftp
