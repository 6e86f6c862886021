/* memory-attr-arm.h: memory attributes of the devicetree, as the shim's regions have them.
 *
 * Owns: nothing. Invariants: none of its own.
 */
#ifndef SMH_SHIM_ZEPHYR_MEMORY_ATTR_ARM_H
#define SMH_SHIM_ZEPHYR_MEMORY_ATTR_ARM_H

#define DT_MEM_ARM_MPU_RAM         0x100000
#define DT_MEM_ARM_MPU_RAM_NOCACHE 0x200000
#define DT_MEM_ARM_MPU_UNKNOWN     0
#define DT_MEM_ARCH_ATTR_UNKNOWN   DT_MEM_ARM_MPU_UNKNOWN
#define DT_MEM_ARM_GET(attr)       (attr)

#endif
