#pragma once

#include "protocol/base/result.h"
#include "protocol/stream/stream.h"

namespace rdev::stream {

// A refusal as an error, and back: what is passed on keeps its reason.
inline Code code_of(Refusal why) {
  switch (why) {
    case Refusal::kProhibited:
      return Code::kPermission;
    case Refusal::kUnknownType:
      return Code::kNotFound;
    case Refusal::kResourceShortage:
      return Code::kLimit;
    case Refusal::kConnectFailed:
      break;
  }
  return Code::kUnavailable;
}

inline Refusal refusal_of(Code code) {
  switch (code) {
    case Code::kPermission:
      return Refusal::kProhibited;
    case Code::kNotFound:
      return Refusal::kUnknownType;
    case Code::kLimit:
      return Refusal::kResourceShortage;
    default:
      return Refusal::kConnectFailed;
  }
}

}  // namespace rdev::stream
