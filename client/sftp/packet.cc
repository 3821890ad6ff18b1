#include "client/sftp/packet.h"

namespace rdev::sftp {
namespace {

// Section 3.
enum Type : std::uint8_t {
  kInit = 1,
  kVersion = 2,
  kOpen = 3,
  kClose = 4,
  kRead = 5,
  kStat = 17,
  kStatus = 101,
  kHandle = 102,
  kData = 103,
  kAttrs = 105,
  kExtended = 200,
  kExtendedReply = 201,
};

constexpr std::uint32_t kOurVersion = 3;
constexpr std::uint32_t kOpenToRead = 1;
// Section 5: which attributes follow.
constexpr std::uint32_t kHasSize = 1;
constexpr std::uint32_t kHasOwner = 2;
constexpr std::uint32_t kHasMode = 4;
constexpr std::uint64_t kReadOnly = 1;

void put(std::string& out, std::uint64_t number, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) {
    out += static_cast<char>(number >> (8 * i));
  }
}

void put(std::string& out, std::string_view text) {
  put(out, text.size(), 4);
  out += text;
}

// The body of a packet with its length in front.
std::string framed(const std::string& body) {
  std::string out;
  put(out, std::string_view(body));
  return out;
}

std::string request(Type type, std::uint32_t id, std::string_view text) {
  std::string body(1, static_cast<char>(type));
  put(body, id, 4);
  put(body, text);
  return body;
}

// Takes fields in their order; one that is not there makes it bad for good.
class Reader final {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  std::uint64_t number(std::size_t bytes) {
    std::uint64_t value = 0;
    for (const char c : take(bytes)) {
      value = value << 8U | static_cast<unsigned char>(c);
    }
    return value;
  }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::string text() { return std::string(take(u32())); }
  bool good() const { return good_; }

 private:
  std::string_view take(std::size_t bytes) {
    if (!good_ || bytes > rest_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }

  std::string_view rest_;
  bool good_ = true;
};

Attributes attributes(Reader& in) {
  Attributes found;
  const std::uint32_t has = in.u32();
  if ((has & kHasSize) != 0) {
    found.bytes = in.number(8);
  }
  if ((has & kHasOwner) != 0) {
    found.uid = in.u32();
    found.gid = in.u32();
  }
  if ((has & kHasMode) != 0) {
    found.mode = in.u32();
  }
  return found;
}

FileSystem file_system(Reader& in) {
  FileSystem found;
  (void)in.number(8);  // f_bsize
  found.block_bytes = in.number(8);
  found.blocks = in.number(8);
  (void)in.number(8);  // f_bfree
  found.available = in.number(8);
  for (int i = 0; i < 4; ++i) {  // of inodes, and f_fsid
    (void)in.number(8);
  }
  found.is_read_only = (in.number(8) & kReadOnly) != 0;
  return found;
}

}  // namespace

std::string init() {
  std::string body(1, static_cast<char>(kInit));
  put(body, kOurVersion, 4);
  return framed(body);
}

std::string stat(std::uint32_t id, std::string_view path) {
  return framed(request(kStat, id, path));
}

std::string open_to_read(std::uint32_t id, std::string_view path) {
  std::string body = request(kOpen, id, path);
  put(body, kOpenToRead, 4);
  put(body, 0, 4);  // no attributes
  return framed(body);
}

std::string read(std::uint32_t id, std::string_view handle, std::uint64_t offset,
                 std::uint32_t bytes) {
  std::string body = request(kRead, id, handle);
  put(body, offset, 8);
  put(body, bytes, 4);
  return framed(body);
}

std::string close(std::uint32_t id, std::string_view handle) {
  return framed(request(kClose, id, handle));
}

std::string statvfs(std::uint32_t id, std::string_view path) {
  std::string body = request(kExtended, id, "statvfs@openssh.com");
  put(body, path);
  return framed(body);
}

Result<Reply> parse_reply(std::string_view packet) {
  using Kind = Reply::Kind;
  Reader in(packet);
  Reply reply;
  const auto type = in.number(1);
  reply.id = in.u32();
  switch (type) {
    case kVersion:
      reply.kind = Kind::kVersion;
      break;
    case kStatus:
      reply.kind = Kind::kStatus;
      reply.status = in.u32();
      reply.text = in.text();
      break;
    case kHandle:
    case kData:
      reply.kind = type == kHandle ? Kind::kHandle : Kind::kData;
      reply.text = in.text();
      break;
    case kAttrs:
      reply.kind = Kind::kAttributes;
      reply.attributes = attributes(in);
      break;
    case kExtendedReply:
      reply.kind = Kind::kFileSystem;
      reply.file_system = file_system(in);
      break;
    default:
      return fail(Code::kProtocol, "the SFTP server sent a packet of type " + std::to_string(type) +
                                       ", which answers nothing that was asked");
  }
  if (!in.good()) {
    return fail(Code::kProtocol, "the SFTP server sent a packet that ends too early");
  }
  return reply;
}

Result<std::optional<std::string_view>> first_packet(std::string_view bytes) {
  Reader in(bytes);
  const std::uint32_t size = in.u32();
  if (!in.good()) {
    return std::optional<std::string_view>();
  }
  if (size == 0 || size > kMaxPacket) {
    return fail(Code::kProtocol, "the SFTP server sent a packet of " + std::to_string(size) +
                                     " bytes: something else speaks there");
  }
  bytes.remove_prefix(4);
  return bytes.size() < size ? std::optional<std::string_view>()
                             : std::optional(bytes.substr(0, size));
}

}  // namespace rdev::sftp
