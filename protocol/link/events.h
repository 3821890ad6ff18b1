#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/stream/stream.h"

namespace rdev::link {

inline constexpr std::size_t kMaxEventBytes = 4096;

// A StreamEvent with its size in front, as the control lane carries it.
std::string encode_event(const stream::Event& event);

// Cuts events out of the control lane's bytes.
class EventDecoder final {
 public:
  void feed(std::string_view bytes) { bytes_.append(bytes); }
  // The next whole event; nothing when more bytes are needed. Kinds that are unknown are passed
  // over. Code::kProtocol: what follows cannot be read.
  Result<std::optional<stream::Event>> next();

 private:
  std::string bytes_;
};

}  // namespace rdev::link
