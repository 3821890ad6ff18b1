#include "client/http/patient.h"

#include <utility>

#include "protocol/base/with_timeout.h"

namespace rdev::http {
namespace {

class Patient final : public Connection {
 public:
  Patient(std::unique_ptr<Connection> inner, std::chrono::milliseconds stall)
      : inner_(std::move(inner)), stall_(stall) {}

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) override {
    return base::with_timeout(inner_->read(buffer), stall_, "the server's next byte");
  }
  awaitable<Result<void>> write(asio::const_buffer bytes) override {
    return base::with_timeout(inner_->write(bytes), stall_, "the server's taking more");
  }
  awaitable<Result<void>> write_eof() override { return inner_->write_eof(); }
  std::string complaint() const override { return inner_->complaint(); }

 private:
  std::unique_ptr<Connection> inner_;
  std::chrono::milliseconds stall_;
};

}  // namespace

std::unique_ptr<Connection> patient(std::unique_ptr<Connection> inner,
                                    std::chrono::milliseconds stall) {
  return std::make_unique<Patient>(std::move(inner), stall);
}

}  // namespace rdev::http
