// The part of fs-native-extensions that the ledger uses; the package brings no types.

declare module 'fs-native-extensions' {
  /** Takes the lock of the whole file. False when another open file holds it. */
  export function tryLock(fd: number, options?: { shared?: boolean }): boolean;
}
