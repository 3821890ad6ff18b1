#include "agent/sftp/output.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace rdev::sftp {
namespace {

constexpr std::size_t kDataHeader = 4 + 1 + 4 + 4;  // length, type, id, length of the data

void store(char* at, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) {
    at[i] = static_cast<char>(value);
    value >>= 8;
  }
}

// The protocol's times end in 2106 and begin in 1970.
std::uint32_t wire_time(time_t time) {
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(time, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

char* Output::room(std::size_t size) {
  if (too_long_ || size_ + size > start_ + 4 + kMaxPacket || size_ + size > kCapacity) {
    too_long_ = true;
    return nullptr;
  }
  char* const at = buffer_.get() + size_;
  size_ += size;
  return at;
}

void Output::number(std::uint64_t value, int bytes) {
  if (char* const at = room(static_cast<std::size_t>(bytes))) {
    store(at, value, bytes);
  }
}

void Output::begin(Type type) {
  start_ = size_;
  too_long_ = false;
  u32(0);  // the length, set by end()
  number(static_cast<std::uint8_t>(type), 1);
}

void Output::begin(Type type, std::uint32_t id) {
  begin(type);
  id_ = id;
  u32(id);
}

void Output::string(std::string_view bytes) {
  u32(static_cast<std::uint32_t>(bytes.size()));
  if (char* const at = room(bytes.size())) {
    std::memcpy(at, bytes.data(), bytes.size());
  }
}

void Output::attributes(const struct stat& status) {
  u32(kAttrSize | kAttrOwner | kAttrPermissions | kAttrTimes);
  u64(static_cast<std::uint64_t>(status.st_size));
  u32(status.st_uid);
  u32(status.st_gid);
  u32(status.st_mode);
  u32(wire_time(status.st_atime));
  u32(wire_time(status.st_mtime));
}

void Output::end() {
  if (too_long_) {
    size_ = start_;
    status(id_, Status::kFailure, "the answer is longer than a packet may be: ask for less");
    return;
  }
  store(buffer_.get() + start_, size_ - start_ - 4, 4);
}

void Output::status(std::uint32_t id, Status code, std::string_view message) {
  begin(Type::kStatus, id);
  u32(static_cast<std::uint32_t>(code));
  string(message);
  string("");  // the message's language
  end();
}

char* Output::data_room() { return buffer_.get() + size_ + kDataHeader; }

void Output::data(std::uint32_t id, std::size_t size) {
  begin(Type::kData, id);
  u32(static_cast<std::uint32_t>(size));
  room(size);  // the bytes are there already
  end();
}

std::size_t Output::u32_later() {
  const std::size_t position = size_;
  u32(0);
  return position;
}

void Output::u32_at(std::size_t position, std::uint32_t value) {
  if (!too_long_) {
    store(buffer_.get() + position, value, 4);
  }
}

}  // namespace rdev::sftp
