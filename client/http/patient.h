#pragma once

#include <chrono>
#include <memory>

#include "client/http/connection.h"

namespace rdev::http {

// `inner`, of which each read and each write fails with Code::kTimeout after `stall`.
std::unique_ptr<Connection> patient(std::unique_ptr<Connection> inner,
                                    std::chrono::milliseconds stall);

}  // namespace rdev::http
