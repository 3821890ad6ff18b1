#pragma once

// The handlers, one function a request. What a function takes after the session are the fields of
// its packet in their order (dispatch.cc decodes them from this signature), so a declaration here
// is also the packet's layout.

#include <cstdint>
#include <string_view>

#include "agent/sftp/codec.h"
#include "agent/sftp/handles.h"
#include "agent/sftp/names.h"
#include "agent/sftp/outcome.h"
#include "agent/sftp/output.h"

namespace rdev::sftp {

struct Session {
  std::uint32_t id = 0;  // of the request being answered
  Output out;
  Handles handles;
  Names names;
};

// files.cc
Outcome open(Session& session, const Path& path, std::uint32_t flags, const Attributes& attributes);
Outcome close(Session& session, Handle handle);
Outcome read(Session& session, Handle handle, std::uint64_t offset, std::uint32_t length);
Outcome write(Session& session, Handle handle, std::uint64_t offset, std::string_view data);
Outcome fsync(Session& session, Handle handle);

// copy_data.cc. `length` 0: up to the end of the source.
Outcome copy_data(Session& session, Handle source, std::uint64_t source_offset,
                  std::uint64_t length, Handle target, std::uint64_t target_offset);

// attributes.cc
Outcome stat(Session& session, const Path& path);
Outcome lstat(Session& session, const Path& path);
Outcome fstat(Session& session, Handle handle);
Outcome setstat(Session& session, const Path& path, const Attributes& attributes);
Outcome lsetstat(Session& session, const Path& path, const Attributes& attributes);
Outcome fsetstat(Session& session, Handle handle, const Attributes& attributes);

// directories.cc
Outcome opendir(Session& session, const Path& path);
Outcome readdir(Session& session, Handle handle);
Outcome mkdir(Session& session, const Path& path, const Attributes& attributes);
Outcome rmdir(Session& session, const Path& path);

// names of files: paths.cc
Outcome remove(Session& session, const Path& path);
Outcome rename(Session& session, const Path& from, const Path& to);  // refuses to replace `to`
Outcome posix_rename(Session& session, const Path& from, const Path& to);  // replaces it
Outcome hardlink(Session& session, const Path& existing, const Path& link);
Outcome symlink(Session& session, const Path& target,
                const Path& link);  // OpenSSH's order, not the draft's
Outcome readlink(Session& session, const Path& path);

// realpath.cc. The last component may be missing.
Outcome realpath(Session& session, const Path& path);
Outcome expand_path(Session& session, const Path& path);  // the same, after ~ and ~user
Outcome home_directory(Session& session, const Path& user);

// extensions.cc
Outcome limits(Session& session);
Outcome statvfs(Session& session, const Path& path);
Outcome fstatvfs(Session& session, Handle handle);
Outcome users_groups_by_id(Session& session, std::string_view uids, std::string_view gids);

}  // namespace rdev::sftp
