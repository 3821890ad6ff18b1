#include "client/commands/doctor_image.h"

#include <sys/stat.h>

#include <algorithm>

#include "client/commands/job_account.h"
#include "client/ui/units.h"

namespace rdev::commands {
namespace {

// A program that something needs; the first of `names` that is found does.
struct Tool {
  const char* check;
  std::vector<const char*> names;
  Finding::Status missing;
  const char* without;
};

const std::vector<Tool>& tools() {
  using Status = Finding::Status;
  static const std::vector<Tool> kTools = {
      {"tar", {"tar"}, Status::kWarning, "VS Code's server cannot be unpacked"},
      {"download",
       {"curl", "wget"},
       Status::kWarning,
       "VS Code's server is not fetched by the job itself, nor is what you install"},
      {"python3", {"python3"}, Status::kInfo, "no Jupyter, no debugging of Python"},
      {"git", {"git"}, Status::kInfo, "editors show no changes, nothing can be cloned"},
  };
  return kTools;
}

constexpr char kIntoTheImage[] = "take an image that has it; rdev itself needs none";

struct Loader {
  const char* file;
  const char* libc;
};
// The dynamic loaders of the machines that agents are built for, and of others that editors know.
constexpr Loader kLoaders[] = {
    {"/lib64/ld-linux-x86-64.so.2", "glibc"},      {"/lib/ld-linux-aarch64.so.1", "glibc"},
    {"/lib/ld-linux-armhf.so.3", "glibc"},         {"/lib64/ld64.so.2", "glibc"},
    {"/lib/ld-linux-riscv64-lp64d.so.1", "glibc"}, {"/lib/ld-musl-x86_64.so.1", "musl"},
    {"/lib/ld-musl-aarch64.so.1", "musl"},         {"/lib/ld-musl-armhf.so.1", "musl"},
};

constexpr int kMostGpus = 16;
constexpr char kNvidiaControl[] = "/dev/nvidiactl";
constexpr char kLocales[] = "/usr/lib/locale";
constexpr char kArchive[] = "/usr/lib/locale/locale-archive";

constexpr std::uint64_t kLittleBytes = std::uint64_t{1} << 30;
constexpr std::uint64_t kNoBytes = std::uint64_t{1} << 20;

std::string variable(const Variables& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? "" : found->second;
}

// Absolute directories; what else stands there is of no use to a session that may start anywhere.
std::vector<std::string> search_path(const Variables& environment) {
  std::vector<std::string> directories;
  std::string rest = variable(environment, "PATH");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (rest.starts_with('/')) {
      directories.push_back(rest.substr(0, end));
    }
    rest.erase(0, end + 1);
  }
  return directories;
}

std::string gpu_file(int number) { return "/dev/nvidia" + std::to_string(number); }

// What the C library goes by (locale(7)), and whether something says so.
std::string locale_of(const Variables& environment) {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (const std::string value = variable(environment, name); !value.empty()) {
      return value;
    }
  }
  return {};
}

// As glibc names its directories: "C.UTF-8" is C.utf8.
std::string locale_directory(const std::string& locale) {
  const std::size_t dot = locale.find('.');
  std::string name = locale.substr(0, dot);
  if (dot != std::string::npos) {
    name += '.';
    for (const char c : locale.substr(dot + 1)) {
      if (c != '-') {
        name += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      }
    }
  }
  return std::string(kLocales) + "/" + name;
}

class Judge final {
 public:
  explicit Judge(const JobView& view) : view_(view), account_(parse_account(view.identity)) {}

  Findings findings() const {
    Findings all = {shell(), libc()};
    for (const Tool& tool : tools()) {
      all.push_back(look_for(tool));
    }
    all.insert(all.end(), {temporary(), home(), fuse(), gpu(), disk("disk /", view_.root),
                           disk("disk /tmp", view_.temporary), locale()});
    return all;
  }

 private:
  const sftp::Attributes* file(const std::string& path) const {
    const auto found = view_.files.find(path);
    return found == view_.files.end() ? nullptr : &found->second;
  }
  bool is_program(const std::string& path) const {
    const sftp::Attributes* found = file(path);
    return found != nullptr && (!found->mode || S_ISREG(*found->mode)) && may(account_, *found, 1);
  }
  std::string program(const std::string& name) const {
    for (std::string path : search_path(view_.environment)) {
      path += "/" + name;
      if (is_program(path)) {
        return path;
      }
    }
    return {};
  }
  // Why nothing can be written to a directory; empty when it can.
  std::string why_not_writable(const std::string& path) const {
    const sftp::Attributes* found = file(path);
    if (found == nullptr || (found->mode && !S_ISDIR(*found->mode))) {
      return path + " is not there";
    }
    if (has_option(mount_options(view_.mounts, path), "ro")) {
      return path + " is read-only";
    }
    return may(account_, *found, 3) ? "" : path + " is not yours to write to";
  }

  Finding shell() const;
  Finding libc() const;
  Finding look_for(const Tool& tool) const;
  Finding temporary() const;
  Finding home() const;
  Finding fuse() const;
  Finding gpu() const;
  Finding disk(const std::string& check, const std::optional<sftp::FileSystem>& found) const;
  Finding locale() const;

  const JobView& view_;
  JobAccount account_;
};

Finding Judge::shell() const {
  const std::string own = variable(view_.environment, "SHELL");
  const bool has_sh = is_program("/bin/sh");
  if (own.empty() && !has_sh) {
    return warning("shell",
                   "there is none: terminals, command lines of ssh, and editors do not work; "
                   "rdev exec NAME -- PROGRAM, sftp and tunnels do",
                   "take an image with a shell (busybox is enough for terminals)");
  }
  if (!has_sh) {
    return warning("shell", own + ", but no /bin/sh: scripts and editors look for that",
                   "take an image that has it");
  }
  return ok("shell", own.empty() || own == "/bin/sh" ? "/bin/sh" : own + " and /bin/sh");
}

Finding Judge::libc() const {
  for (const Loader& loader : kLoaders) {
    if (file(loader.file) != nullptr) {
      const bool is_musl = std::string_view(loader.libc) == "musl";
      return is_musl ? info("libc", "musl: programs that were built for glibc do not run")
                     : ok("libc", loader.libc);
    }
  }
  return warning("libc",
                 "none: only static programs run, so the servers of VS Code and PyCharm do not",
                 "take an image with glibc; rdev itself needs none");
}

Finding Judge::look_for(const Tool& tool) const {
  std::string names;
  for (const char* name : tool.names) {
    if (const std::string found = program(name); !found.empty()) {
      return ok(tool.check, found);
    }
    names += (names.empty() ? "no " : " and no ") + std::string(name);
  }
  return {tool.check, tool.missing, names + " in the PATH of sessions: " + tool.without,
          kIntoTheImage};
}

Finding Judge::temporary() const {
  const std::string cure = "mount a directory at /tmp, or set TMPDIR to another one (--env)";
  if (const std::string why = why_not_writable("/tmp"); !why.empty()) {
    return warning("/tmp", why + ": compilers, installers and editors fail in odd ways", cure);
  }
  if (has_option(mount_options(view_.mounts, "/tmp"), "noexec")) {
    return warning(
        "/tmp", "noexec: programs that unpack themselves there do not run (installers, pip)", cure);
  }
  return ok("/tmp", "writable");
}

Finding Judge::home() const {
  const std::string path = variable(view_.environment, "HOME");
  const std::string why = path.empty() ? "HOME is not set" : why_not_writable(path);
  return why.empty() ? ok("home", path)
                     : warning("home", why + ": settings, and the servers of editors, go there",
                               "another user of the image (--user), or HOME in its environment");
}

Finding Judge::fuse() const {
  const sftp::Attributes* device = file("/dev/fuse");
  return device != nullptr && may(account_, *device, 6)
             ? ok("fuse", "/dev/fuse")
             : info("fuse",
                    std::string(device == nullptr ? "no /dev/fuse" : "/dev/fuse is not yours") +
                        ": sshfs and the like cannot mount in the job");
}

Finding Judge::gpu() const {
  int gpus = 0;
  for (int i = 0; i < kMostGpus; ++i) {
    gpus += static_cast<int>(file(gpu_file(i)) != nullptr);
  }
  if (gpus == 0) {
    return info("gpu", file(kNvidiaControl) == nullptr ? "none" : "a driver, but no device");
  }
  if (program("nvidia-smi").empty()) {
    return warning("gpu", std::to_string(gpus) + ", but no nvidia-smi in the PATH of sessions",
                   "PATH, or the driver's files, did not come into the job: see "
                   "NVIDIA_DRIVER_CAPABILITIES");
  }
  return ok("gpu", std::to_string(gpus) + ", nvidia-smi is there");
}

Finding Judge::disk(const std::string& check, const std::optional<sftp::FileSystem>& found) const {
  if (!found || found->blocks == 0) {
    return skipped(check, "cannot be told");
  }
  const std::uint64_t bytes = found->available * found->block_bytes;
  const std::string text = ui::format_bytes(bytes) + " free";
  if (found->is_read_only) {
    return info(check, "read-only");
  }
  if (bytes < kNoBytes) {
    return fault(check, text + ": what writes there fails", "remove something: du -xh is of help");
  }
  return bytes < kLittleBytes
             ? warning(check, text, "remove something, or ask for more: editors bring 500 MB")
             : ok(check, text);
}

Finding Judge::locale() const {
  const std::string name = locale_of(view_.environment);
  if (name.empty() || name == "C" || name == "POSIX") {
    return info("locale", (name.empty() ? "not set" : name) +
                              std::string(": some programs show other letters than a-z as ?"));
  }
  // C.UTF-8 is built into glibc 2.35 and later; musl knows nothing but UTF-8.
  const bool is_plain = name.starts_with("C.");
  const bool is_glibc = std::any_of(std::begin(kLoaders), std::end(kLoaders), [&](const Loader& l) {
    return std::string_view(l.libc) == "glibc" && file(l.file) != nullptr;
  });
  if (!is_glibc || is_plain || file(kArchive) != nullptr ||
      file(locale_directory(name)) != nullptr) {
    return ok("locale", name);
  }
  return warning("locale",
                 name +
                     " is set, and not in the image: programs complain, and fall back "
                     "to C",
                 "LANG=C.UTF-8 (--env), or install the locale");
}

}  // namespace

std::vector<std::string> files_of_interest(const Variables& environment) {
  std::vector<std::string> files = {"/bin/sh",   "/tmp",
                                    "/dev/fuse", kNvidiaControl,
                                    kArchive,    locale_directory(locale_of(environment))};
  if (const std::string home = variable(environment, "HOME"); home.starts_with('/')) {
    files.push_back(home);
  }
  for (const Loader& loader : kLoaders) {
    files.emplace_back(loader.file);
  }
  for (int i = 0; i < kMostGpus; ++i) {
    files.push_back(gpu_file(i));
  }
  for (const std::string& directory : search_path(environment)) {
    files.push_back(directory + "/nvidia-smi");
    for (const Tool& tool : tools()) {
      for (const char* name : tool.names) {
        files.push_back(directory + "/" + name);
      }
    }
  }
  return files;
}

Findings judge(const JobView& view) { return Judge(view).findings(); }

}  // namespace rdev::commands
