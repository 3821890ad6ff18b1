#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::sftp {

// draft-ietf-secsh-filexfer-02, section 3.
enum class Type : std::uint8_t {
  kInit = 1,
  kVersion = 2,
  kOpen = 3,
  kClose = 4,
  kRead = 5,
  kWrite = 6,
  kLstat = 7,
  kFstat = 8,
  kSetstat = 9,
  kFsetstat = 10,
  kOpendir = 11,
  kReaddir = 12,
  kRemove = 13,
  kMkdir = 14,
  kRmdir = 15,
  kRealpath = 16,
  kStat = 17,
  kRename = 18,
  kReadlink = 19,
  kSymlink = 20,
  kStatus = 101,
  kHandle = 102,
  kData = 103,
  kName = 104,
  kAttrs = 105,
  kExtended = 200,
  kExtendedReply = 201,
};

// Section 7.
enum class Status : std::uint32_t {
  kOk = 0,
  kEof = 1,
  kNoSuchFile = 2,
  kPermissionDenied = 3,
  kFailure = 4,
  kBadMessage = 5,
  kOpUnsupported = 8,
};

// Section 6.3, bits of OPEN's pflags.
inline constexpr std::uint32_t kOpenRead = 0x01;
inline constexpr std::uint32_t kOpenWrite = 0x02;
inline constexpr std::uint32_t kOpenAppend = 0x04;
inline constexpr std::uint32_t kOpenCreate = 0x08;
inline constexpr std::uint32_t kOpenTruncate = 0x10;
inline constexpr std::uint32_t kOpenExclusive = 0x20;

// Section 5, bits that say which attributes follow.
inline constexpr std::uint32_t kAttrSize = 0x01;
inline constexpr std::uint32_t kAttrOwner = 0x02;
inline constexpr std::uint32_t kAttrPermissions = 0x04;
inline constexpr std::uint32_t kAttrTimes = 0x08;
inline constexpr std::uint32_t kAttrExtended = 0x80000000;

// As OpenSSH, whose client learns them through limits@openssh.com: the bytes after the length
// field, and the data of one READ or WRITE.
inline constexpr std::uint32_t kMaxPacket = 256 * 1024;
inline constexpr std::uint32_t kMaxData = kMaxPacket - 1024;

// A path is bytes, of no known encoding, without NUL.
struct Path {
  std::string bytes;
  const char* c_str() const { return bytes.c_str(); }
};

// The client's name for something open; a view into the packet.
struct Handle {
  std::string_view bytes;
};

struct Attributes {
  struct Owner {
    std::uint32_t uid;
    std::uint32_t gid;
  };
  struct Times {
    std::uint32_t accessed;
    std::uint32_t modified;
  };
  std::optional<std::uint64_t> size;
  std::optional<Owner> owner;
  std::optional<std::uint32_t> permissions;
  std::optional<Times> times;
};

// Takes the fields of one packet in their order. A field that is not there, or a path with a NUL in
// it, makes the reader bad for good and yields an empty value. Views live as long as the packet.
class Reader final {
 public:
  explicit Reader(std::string_view packet) : rest_(packet) {}

  template <class T>
  T get();  // uint8_t, uint32_t, uint64_t, string_view, Path, Handle, Attributes

  bool good() const { return good_; }
  bool empty() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t size);
  std::uint64_t number(std::size_t size);

  std::string_view rest_;
  bool good_ = true;
};

// The first packet in `bytes`, without its length field; nullopt while it is not complete.
// Code::kProtocol when its length is 0 or above kMaxPacket. Consumes nothing.
Result<std::optional<std::string_view>> first_packet(std::string_view bytes);

}  // namespace rdev::sftp
