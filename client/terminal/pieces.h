#pragma once

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "protocol/base/asio.h"
#include "protocol/base/notify.h"

namespace rdev::terminal {

inline constexpr std::size_t kPieceBytes = std::size_t{128} * 1024;

// What the loop and a thread that blocks share: a queue of two pieces, one being filled while the
// other is emptied. The thread may outlive the loop, so it touches that only while `open`.
class Pieces final : public std::enable_shared_from_this<Pieces> {
 public:
  using Lock = std::unique_lock<std::mutex>;

  // `woken` is what the loop waits for.
  Pieces(asio::any_io_executor executor, base::Notify& woken);
  Pieces(const Pieces&) = delete;
  Pieces& operator=(const Pieces&) = delete;
  ~Pieces() = default;

  Lock lock() { return Lock(mutex_); }

  // All of these with the lock held.
  struct Piece {
    std::unique_ptr<char[]> bytes;  // made when it is first filled
    std::size_t size = 0;
  };
  std::size_t full() const { return full_; }
  bool has_room() const { return full_ < pieces_.size(); }
  Piece& oldest() { return pieces_[first_]; }
  // Where to fill in when there is room; it stays the same while the other side pops.
  Piece& next();
  void push() { ++full_; }
  void pop();

  int error = 0;  // an errno: no piece follows those that are full
  bool open() const { return open_; }

  // The loop's side: waits until the thread has called wake_loop(). A waiter looks at its condition
  // again. Cancelled, it returns as well; its next `co_await` then throws.
  awaitable<void> wait_for_thread(Lock& lock);
  // The loop's side is gone for good: takes the lock itself.
  void close();

  // The thread's side.
  void wait_for_loop(Lock& lock) { changed_.wait(lock); }
  void wake_loop();
  void wake_thread() { changed_.notify_one(); }

  // Starts the thread (detached) once; `body` gets this.
  Result<void> start(void (*body)(const std::shared_ptr<Pieces>& pieces, int fd), int fd);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  asio::any_io_executor executor_;
  base::Notify* woken_;  // touched on the loop only; unset by close()
  std::array<Piece, 2> pieces_;
  std::size_t first_ = 0, full_ = 0;
  bool open_ = true, started_ = false, loop_waits_ = false;
};

}  // namespace rdev::terminal
