#include "client/link/cut.h"

#include <string>

namespace rdev::link_process {

Result<std::optional<Piece>> first_frame(std::string_view bytes) {
  if (bytes.size() < wire::kHeaderBytes) {
    return std::optional<Piece>();
  }
  std::string_view rest = bytes.substr(8);
  Piece piece;
  piece.header = {.type = static_cast<wire::Type>(bytes[4]),
                  .lane = static_cast<std::uint8_t>(bytes[5]),
                  .flags = static_cast<std::uint8_t>(bytes[6]),
                  .stream = *wire::take_u64(rest)};
  rest = bytes;
  piece.header.size = *wire::take_u32(rest);
  if (piece.header.size > wire::kMaxPayload) {
    return fail(Code::kProtocol, "a frame of " + std::to_string(piece.header.size) +
                                     " bytes; at most " + std::to_string(wire::kMaxPayload) +
                                     " are allowed");
  }
  const std::size_t size = wire::kHeaderBytes + piece.header.size;
  if (bytes.size() < size) {
    return std::optional<Piece>();
  }
  piece.bytes = bytes.substr(0, size);
  return piece;
}

void mark_data(std::string& bytes, std::size_t from, std::uint8_t flag) {
  constexpr std::size_t kFlagsAt = 6;
  while (from < bytes.size()) {
    const auto piece = first_frame(std::string_view(bytes).substr(from));
    if (!piece || !*piece) {
      return;
    }
    if ((*piece)->header.type == wire::Type::kData) {
      bytes[from + kFlagsAt] = static_cast<char>((*piece)->header.flags | flag);
    }
    from += (*piece)->bytes.size();
  }
}

std::string_view frames_within(std::string_view bytes, std::size_t most) {
  std::size_t end = 0;
  while (end < bytes.size()) {
    const auto piece = first_frame(bytes.substr(end));
    if (!piece || !*piece || (end > 0 && end + (*piece)->bytes.size() > most)) {
      break;
    }
    end += (*piece)->bytes.size();
  }
  return bytes.substr(0, end);
}

}  // namespace rdev::link_process
