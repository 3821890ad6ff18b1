#include "protocol/wire/frame.h"

#include <algorithm>
#include <cassert>

namespace rdev::wire {
namespace {

template <class T>
void append_number(std::string& out, T value) {
  char bytes[sizeof value];
  for (std::size_t i = sizeof value; i-- > 0; value = static_cast<T>(value >> 8U)) {
    bytes[i] = static_cast<char>(value & 0xffU);
  }
  out.append(bytes, sizeof bytes);
}

template <class T>
T read_number(std::string_view bytes) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<T>(value << 8U) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

template <class T>
std::optional<T> take_number(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) {
    return std::nullopt;
  }
  const T value = read_number<T>(bytes);
  bytes.remove_prefix(sizeof value);
  return value;
}

Result<Header> parse(std::string_view bytes) {
  Header header;
  header.size = read_number<std::uint32_t>(bytes);
  header.type = static_cast<Type>(bytes[4]);
  header.lane = static_cast<std::uint8_t>(bytes[5]);
  header.flags = static_cast<std::uint8_t>(bytes[6]);
  header.stream = read_number<std::uint64_t>(bytes.substr(8));
  if (header.size > kMaxPayload) {
    return fail(Code::kProtocol, "a frame of " + std::to_string(header.size) + " bytes; at most " +
                                     std::to_string(kMaxPayload) +
                                     " are allowed: the peer does not speak the link protocol");
  }
  return header;
}

}  // namespace

bool is_stream_frame(Type type) { return type >= Type::kOpen && type < Type::kAttach; }

void append_frame(std::string& out, Header header, std::string_view head, std::string_view body) {
  assert(head.size() + body.size() <= kMaxPayload);
  append_header(out, header, head.size() + body.size());
  out.append(head).append(body);
}

void append_header(std::string& out, Header header, std::size_t payload) {
  append_u32(out, static_cast<std::uint32_t>(payload));
  const char bytes[4] = {static_cast<char>(header.type), static_cast<char>(header.lane),
                         static_cast<char>(header.flags), 0};
  out.append(bytes, sizeof bytes);
  append_u64(out, header.stream);
}

void append_u32(std::string& out, std::uint32_t value) { append_number(out, value); }
void append_u64(std::string& out, std::uint64_t value) { append_number(out, value); }

std::optional<std::uint32_t> take_u32(std::string_view& bytes) {
  return take_number<std::uint32_t>(bytes);
}

std::optional<std::uint64_t> take_u64(std::string_view& bytes) {
  return take_number<std::uint64_t>(bytes);
}

std::string sentence(std::string_view text) {
  std::string clean(text.substr(0, kMaxSentence));
  std::replace_if(
      clean.begin(), clean.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return clean;
}

void Decoder::feed(std::string_view bytes) {
  assert(fed_.empty());
  fed_ = bytes;
}

bool Decoder::gather(std::size_t size) {
  const std::size_t n = std::min(fed_.size(), size - std::min(size, partial_.size()));
  partial_.append(fed_.substr(0, n));
  fed_.remove_prefix(n);
  return partial_.size() >= size;
}

Result<std::optional<Frame>> Decoder::next() {
  if (consumed_) {
    partial_.clear();
    consumed_ = false;
  }
  const bool in_place = partial_.empty();
  if (in_place ? fed_.size() < kHeaderBytes : !gather(kHeaderBytes)) {
    gather(kHeaderBytes);
    return std::nullopt;
  }
  const auto header = parse(in_place ? fed_ : std::string_view(partial_));
  if (!header) {
    return tl::make_unexpected(header.error());
  }
  const std::size_t size = kHeaderBytes + header->size;
  if (in_place && fed_.size() >= size) {
    const Frame frame{*header, fed_.substr(kHeaderBytes, header->size)};
    fed_.remove_prefix(size);
    return frame;
  }
  if (!gather(size)) {
    return std::nullopt;
  }
  consumed_ = true;
  return Frame{*header, std::string_view(partial_).substr(kHeaderBytes)};
}

}  // namespace rdev::wire
