#include "client/http/gzip.h"

#include <zlib.h>

#include <algorithm>

namespace rdev::http {
namespace {

constexpr int kGzipOnly = 16 + MAX_WBITS;

class Inflater final {
 public:
  explicit Inflater(std::string_view packed) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    is_ready_ = ::inflateInit2(&stream_, kGzipOnly) == Z_OK;
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream_); }

  bool is_ready() const { return is_ready_; }
  // Fills `out` as far as it goes; what zlib says.
  int step(char* out, std::size_t size, std::size_t* made) {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    const int said = ::inflate(&stream_, Z_NO_FLUSH);
    *made = size - stream_.avail_out;
    return said;
  }

 private:
  z_stream stream_{};
  bool is_ready_ = false;
};

}  // namespace

Result<std::string> gunzip(std::string_view packed, std::size_t max_bytes) {
  Inflater inflater(packed);
  if (!inflater.is_ready()) {
    return fail(Code::kFailed, "zlib does not start");
  }
  std::string text;
  std::string piece(65536, '\0');
  for (;;) {
    std::size_t made = 0;
    const int said = inflater.step(piece.data(), piece.size(), &made);
    if (text.size() + made > max_bytes) {
      return fail(Code::kLimit, "the server's answer is longer than " + std::to_string(max_bytes) +
                                    " bytes when unpacked");
    }
    text.append(piece, 0, made);
    if (said == Z_STREAM_END) {
      return text;
    }
    if (said != Z_OK) {
      return fail(Code::kProtocol, "the server's compressed answer is damaged");
    }
  }
}

}  // namespace rdev::http
