#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::sftp {

// The client's half of SFTP version 3 (draft-ietf-secsh-filexfer-02) as far as looking at files
// goes. Everything here is text to text; client.h joins it to a stream.

// The bytes after the length field of one packet, as OpenSSH bounds them.
inline constexpr std::size_t kMaxPacket = 256U << 10U;

// A path is bytes without NUL.
std::string init();
std::string stat(std::uint32_t id, std::string_view path);  // symbolic links are followed
std::string open_to_read(std::uint32_t id, std::string_view path);
std::string read(std::uint32_t id, std::string_view handle, std::uint64_t offset,
                 std::uint32_t bytes);
std::string close(std::uint32_t id, std::string_view handle);
std::string statvfs(std::uint32_t id, std::string_view path);  // OpenSSH's PROTOCOL, section 4.4

struct Attributes {
  std::optional<std::uint64_t> bytes;
  std::optional<std::uint32_t> uid, gid;
  std::optional<std::uint32_t> mode;  // type and permissions, as st_mode
};

struct FileSystem {
  std::uint64_t block_bytes = 0;  // of the numbers below
  std::uint64_t blocks = 0, available = 0;
  bool is_read_only = false;
};

// What a server answers with; of `text`, the data of a READ, a handle, or a status' message.
struct Reply {
  enum class Kind { kVersion, kStatus, kHandle, kData, kAttributes, kFileSystem };
  Kind kind = Kind::kStatus;
  std::uint32_t id = 0;      // of kVersion: the version
  std::uint32_t status = 0;  // of kStatus: section 7; 0 is success, 1 the end, 2 no such file
  std::string text;
  Attributes attributes;
  FileSystem file_system;
};

// Of a whole packet, without its length field. Code::kProtocol for what is none of these.
Result<Reply> parse_reply(std::string_view packet);

// The first packet in `bytes`, without its length field, nullopt while it is not complete.
// Code::kProtocol when its length is 0 or above kMaxPacket. Consumes nothing.
Result<std::optional<std::string_view>> first_packet(std::string_view bytes);

}  // namespace rdev::sftp
