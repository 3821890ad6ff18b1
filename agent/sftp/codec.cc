#include "agent/sftp/codec.h"

namespace rdev::sftp {

std::string_view Reader::take(std::size_t size) {
  if (size > rest_.size()) {
    good_ = false;
    rest_ = {};
    return {};
  }
  const auto taken = rest_.substr(0, size);
  rest_.remove_prefix(size);
  return taken;
}

std::uint64_t Reader::number(std::size_t size) {
  std::uint64_t value = 0;
  for (const char c : take(size)) {
    value = value << 8 | static_cast<std::uint8_t>(c);
  }
  return value;
}

template <>
std::uint8_t Reader::get() {
  return static_cast<std::uint8_t>(number(1));
}

template <>
std::uint32_t Reader::get() {
  return static_cast<std::uint32_t>(number(4));
}

template <>
std::uint64_t Reader::get() {
  return number(8);
}

template <>
std::string_view Reader::get() {
  return take(get<std::uint32_t>());
}

template <>
Path Reader::get() {
  const auto bytes = get<std::string_view>();
  if (bytes.find('\0') != std::string_view::npos) {
    good_ = false;
    return {};
  }
  return {std::string(bytes)};
}

template <>
Handle Reader::get() {
  return {get<std::string_view>()};
}

template <>
Attributes Reader::get() {
  Attributes result;
  const auto flags = get<std::uint32_t>();
  if (flags & kAttrSize) {
    result.size = get<std::uint64_t>();
  }
  if (flags & kAttrOwner) {
    const auto uid = get<std::uint32_t>();
    result.owner = Attributes::Owner{uid, get<std::uint32_t>()};
  }
  if (flags & kAttrPermissions) {
    result.permissions = get<std::uint32_t>();
  }
  if (flags & kAttrTimes) {
    const auto accessed = get<std::uint32_t>();
    result.times = Attributes::Times{accessed, get<std::uint32_t>()};
  }
  if (flags & kAttrExtended) {
    // Pairs of type and data that nobody has defined for files here: passed over.
    for (auto count = get<std::uint32_t>(); count > 0 && good_; --count) {
      get<std::string_view>();
      get<std::string_view>();
    }
  }
  return result;
}

Result<std::optional<std::string_view>> first_packet(std::string_view bytes) {
  if (bytes.size() < 4) {
    return std::nullopt;
  }
  const auto length = Reader(bytes).get<std::uint32_t>();
  if (length == 0 || length > kMaxPacket) {
    return fail(Code::kProtocol, "a packet of " + std::to_string(length) +
                                     " bytes: packets have 1 to " + std::to_string(kMaxPacket) +
                                     " (is something else than an SFTP client talking to us?)");
  }
  if (bytes.size() - 4 < length) {
    return std::nullopt;
  }
  return bytes.substr(4, length);
}

}  // namespace rdev::sftp
