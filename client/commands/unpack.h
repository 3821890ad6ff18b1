#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "client/carrier/child.h"
#include "protocol/base/asio.h"
#include "protocol/base/fd.h"

namespace rdev::commands {

// What came out of an archive.
struct Unpacked {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t left_out = 0;  // sockets, devices and the like
};

// A tar archive of foreign hands, one file or folder in it, on its way into the folder `onto`.
// Nothing is there before the archive has come whole; whatever it says, nothing outside of
// `onto`/NAME is written, no owner is taken over and no set-user-ID.
class Unpacking final {
 public:
  // Code::kFailed when tar cannot be started or `onto` not be written to.
  static Result<Unpacking> begin(const asio::any_io_executor& executor, std::filesystem::path onto);
  Unpacking(Unpacking&& other) noexcept
      : pipe_(std::move(other.pipe_)),
        tar_(std::exchange(other.tar_, std::nullopt)),
        onto_(std::move(other.onto_)),
        place_(std::exchange(other.place_, {})) {}
  Unpacking& operator=(Unpacking&&) = delete;
  // What is not finished is not there.
  ~Unpacking();

  awaitable<Result<void>> write(std::string_view bytes);

  // The archive has come. `name` goes over what `onto` has under that name: folders are merged,
  // files replaced, none through a symbolic link (Code::kExists).
  Result<Unpacked> finish(const std::string& name);

 private:
  Unpacking(asio::local::stream_protocol::socket pipe, carrier::Child tar,
            std::filesystem::path onto, std::filesystem::path place)
      : pipe_(std::move(pipe)),
        tar_(std::move(tar)),
        onto_(std::move(onto)),
        place_(std::move(place)) {}

  asio::local::stream_protocol::socket pipe_;
  std::optional<carrier::Child> tar_;
  std::filesystem::path onto_, place_;  // `place_` is in `onto_`: a rename must do
};

}  // namespace rdev::commands
