// What the standard library calls when it gives up, without the words that it would print: they need WASI, and a policy has none.
// The call traps, and the client does a full handshake.

#include <cstdlib>
#include <new>

namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }
} // namespace __1
} // namespace std

extern "C" [[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }

void *operator new(std::size_t size) {
  void *memory = std::malloc(size ? size : 1);
  if (memory == nullptr) __builtin_trap();
  return memory;
}

void operator delete(void *memory) noexcept { std::free(memory); }

void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
