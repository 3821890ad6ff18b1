#pragma once

#include <string>

#include "client/front/front.h"
#include "client/state/front_keys.h"

namespace rdev::tunnels {

// What the front of the job shows, and whom it lets in.
inline Result<front::Keys> front_keys(const state::Paths& paths, const std::string& job) {
  auto host = state::front_key(paths, job);
  if (!host) {
    return tl::make_unexpected(host.error());
  }
  return front::Keys{.host = *std::move(host), .authorized = state::front_authorized(paths, job)};
}

}  // namespace rdev::tunnels
