import { Alert, Button, Modal, Stack } from "@mantine/core";
import type { ReactNode } from "react";

interface Props {
  title: string;
  warning: string;
  kept: string;
  onClose: () => void;
  children: ReactNode;
}

/** The frame of what is shown once: it goes away only when somebody says that they kept it. */
export function OnceOnly({ title, warning, kept, onClose, children }: Props) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      centered
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <Stack>
        <Alert color="orange" role="status">
          {warning}
        </Alert>
        {children}
        <Button onClick={onClose}>{kept}</Button>
      </Stack>
    </Modal>
  );
}
